//! The report for people: a table, then what each finding means and what mends it.

use super::check::UPLOAD;
use super::report::Report;
use super::repository::STAYS;
use crate::report::finding::{Finding, Grade};
use crate::report::text::{findings_table, remedy, totals};
use crate::report::wording::Wording;

pub(super) const WORDING: Wording = Wording {
    ok: "pass",
    note: "risk",
    totals: [
        (Grade::Ok, "passed"),
        (Grade::Warn, "warned"),
        (Grade::Fail, "failed"),
        (Grade::Note, "to know"),
        (Grade::NotTested, "not tested"),
    ],
};

pub(super) fn render(report: &Report) -> String {
    let mut text = report.server.heading(&report.handshake);
    text.push_str(&findings_table(&WORDING, report.findings.iter()));
    for grade in [Grade::Fail, Grade::Warn, Grade::Note] {
        for finding in report.findings.graded(grade) {
            text.push_str(&format!("\n{}", remedy(&WORDING, finding)));
        }
    }
    // What could not be removed makes this check warn, by name, or is told by it where an account may only add.
    let mut findings = report.findings.iter();
    let stays = |finding: &Finding| finding.grade == Grade::Warn || finding.seen.contains(STAYS);
    let left = match findings.any(|finding| *finding.check == UPLOAD && stays(finding)) {
        true => "",
        false => " Nothing was left on the server.",
    };
    text.push_str(&format!(
        "\n{}.{left}\n",
        totals(&WORDING, &report.findings)
    ));
    text
}
