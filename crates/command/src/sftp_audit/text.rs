//! The report for people: a table, then what each finding means and what mends it.

use super::Report;
use super::check::UPLOAD;
use super::finding::{Finding, Grade};
use crate::report::sftp_report;

pub(super) fn render(report: &Report) -> String {
    let mut text = report.server.heading(&report.handshake);
    let mut table = sftp_report::table(&["check", "result", "seen"]);
    for finding in &report.findings {
        table.add_row([
            finding.check.title,
            finding.grade.name(),
            finding.seen.as_str(),
        ]);
    }
    // No line between rows.
    text.push_str(&table.trim_fmt());
    text.push('\n');
    for grade in [Grade::Fail, Grade::Warn, Grade::Risk] {
        for finding in report.findings.iter().filter(|f| f.grade == grade) {
            text.push_str(&remedy(finding));
        }
    }
    text.push_str(&summary(report));
    text
}

fn remedy(finding: &Finding) -> String {
    format!(
        "\n{}: {} ({})\n  {}\n  mend with: {}\n",
        finding.grade.name().to_uppercase(),
        finding.check.title,
        finding.check.name,
        finding.check.means,
        finding.check.mend
    )
}

fn summary(report: &Report) -> String {
    let count = |grade| report.findings.iter().filter(|f| f.grade == grade).count();
    let text = [
        (Grade::Pass, "passed"),
        (Grade::Warn, "warned"),
        (Grade::Fail, "failed"),
        (Grade::Risk, "to know"),
        (Grade::NotTested, "not tested"),
    ]
    .iter()
    .map(|(grade, name)| format!("{} {name}", count(*grade)))
    .collect::<Vec<_>>()
    .join(", ");
    // What could not be removed makes this check warn, by name.
    let left = report
        .findings
        .iter()
        .any(|finding| *finding.check == UPLOAD && finding.grade == Grade::Warn);
    if left {
        format!("\n{text}.\n")
    } else {
        format!("\n{text}. Nothing was left on the server.\n")
    }
}
