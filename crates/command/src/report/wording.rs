//! How a command's report names the grades. The wordings differ because programs and guides rely on each.

use super::finding::Grade;

/// The words of one command.
#[derive(Debug)]
pub(crate) struct Wording {
    /// What is in order.
    pub(crate) ok: &'static str,
    /// What is to be known.
    pub(crate) note: &'static str,
    /// The parts of the last line, in order: a grade and what follows its count.
    pub(crate) totals: [(Grade, &'static str); 5],
}

impl Wording {
    pub(crate) fn grade(&self, grade: Grade) -> &'static str {
        match grade {
            Grade::Ok => self.ok,
            Grade::NotTested => "not tested",
            Grade::Note => self.note,
            Grade::Warn => "warn",
            Grade::Fail => "fail",
        }
    }
}
