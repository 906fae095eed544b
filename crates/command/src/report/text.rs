//! Findings for people: as a table, as paragraphs that say what mends them, and counted.

use super::finding::{Finding, Grade};
use super::findings::Findings;
use super::table;
use super::wording::Wording;

/// A row for each; with a column that says of what, if the first finding says so. Empty if there are none.
pub(crate) fn findings_table<'a>(
    wording: &Wording,
    findings: impl Iterator<Item = &'a Finding>,
) -> String {
    let mut findings = findings.peekable();
    let Some(first) = findings.peek() else {
        return String::new();
    };
    let mut table = match first.subject {
        Some(_) => table::new(&["check", "of", "result", "seen"]),
        None => table::new(&["check", "result", "seen"]),
    };
    for finding in findings {
        let mut row = vec![finding.check.title.to_owned()];
        row.extend(finding.subject.as_ref().map(|subject| subject.text()));
        row.push(wording.grade(finding.grade).to_owned());
        row.push(finding.seen.clone());
        table.add_row(row);
    }
    format!("{}\n", table.trim_fmt())
}

/// What is not in order, and the lines that say more: what was seen (if the table does not), what it means, what mends it.
pub(crate) fn remedy(wording: &Wording, finding: &Finding) -> String {
    let grade = wording.grade(finding.grade).to_uppercase();
    let (title, name) = (finding.check.title, finding.check.name);
    let mut text = match &finding.subject {
        Some(subject) => {
            // Hints of errors stand on lines of their own.
            let seen = finding.seen.replace('\n', "\n  ");
            format!("{grade}: {title} ({name}, {})\n  {seen}\n", subject.text())
        }
        None => format!("{grade}: {title} ({name})\n"),
    };
    text.push_str(&format!(
        "  {}\n  mend with: {}\n",
        finding.check.means, finding.mend
    ));
    text
}

/// `1 failed, 2 warned, …`
pub(crate) fn totals(wording: &Wording, findings: &Findings) -> String {
    wording
        .totals
        .iter()
        .map(|(grade, name): &(Grade, &str)| format!("{} {name}", findings.count(*grade)))
        .collect::<Vec<_>>()
        .join(", ")
}
