//! The report for people: what is to be done first, then a table of what is in order.

use super::Report;
use super::finding::{Finding, Grade};
use crate::runtime::sftp_report;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for grade in [Grade::Fail, Grade::Warn, Grade::Note] {
        for finding in report.findings.iter().filter(|f| f.grade == grade) {
            text.push_str(&remedy(finding));
        }
    }
    let mut table = sftp_report::table(&["check", "of", "result", "seen"]);
    let quiet = |finding: &&Finding| finding.grade < Grade::Note;
    for finding in report.findings.iter().filter(quiet) {
        table.add_row([
            finding.check.title,
            &finding.subject.text(),
            finding.grade.name(),
            &finding.seen,
        ]);
    }
    if report.findings.iter().any(|finding| quiet(&finding)) {
        text.push_str(&table.trim_fmt());
        text.push('\n');
    }
    text.push_str(&summary(report));
    text
}

/// Hints of errors stand on lines of their own.
fn remedy(finding: &Finding) -> String {
    format!(
        "{}: {} ({}, {})\n  {}\n  {}\n  mend with: {}\n\n",
        finding.grade.name().to_uppercase(),
        finding.check.title,
        finding.check.name,
        finding.subject.text(),
        finding.seen.replace('\n', "\n  "),
        finding.check.means,
        finding.mend
    )
}

fn summary(report: &Report) -> String {
    let text = [
        (Grade::Fail, "failed"),
        (Grade::Warn, "warned"),
        (Grade::Note, "to know"),
        (Grade::Ok, "in order"),
        (Grade::NotTested, "not tested"),
    ]
    .iter()
    .map(|(grade, name)| format!("{} {name}", report.count(*grade)))
    .collect::<Vec<_>>()
    .join(", ");
    format!("\n{text}.\n")
}
