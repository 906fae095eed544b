//! All findings of a run, and what they come to: the worst grade, the counts, the exit status.

use super::finding::{Finding, Grade};

/// What was found, in the order in which it is shown.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds what is not there yet: what concerns the host or a repository comes up with every stanza.
    pub(crate) fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if !self.0.contains(&finding) {
                self.0.push(finding);
            }
        }
    }

    /// Puts the worst first; within a grade the order stays.
    pub(crate) fn sort(&mut self) {
        self.0
            .sort_by_key(|finding| std::cmp::Reverse(finding.grade));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// Those of one grade.
    pub(crate) fn graded(&self, grade: Grade) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |finding| finding.grade == grade)
    }

    pub(crate) fn count(&self, grade: Grade) -> usize {
        self.graded(grade).count()
    }

    /// The worst that changes the exit status.
    pub(crate) fn worst(&self) -> Grade {
        self.0
            .iter()
            .map(|finding| finding.grade)
            .filter(|grade| *grade >= Grade::Warn)
            .max()
            .unwrap_or(Grade::Ok)
    }

    /// 0 if all is in order, 1 if something warns, 2 if something fails.
    pub(crate) fn exit_status(&self) -> u8 {
        match self.worst() {
            Grade::Fail => 2,
            Grade::Warn => 1,
            _ => 0,
        }
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(findings: Vec<Finding>) -> Self {
        Self(findings)
    }
}
