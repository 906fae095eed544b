//! The report for programs. Keys are added, never renamed.

use serde_json::json;

use super::Report;
use super::finding::Grade;

pub(super) fn render(report: &Report) -> String {
    let checks: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check.name,
                "title": finding.check.title,
                "stanza": finding.subject.stanza,
                "repo": finding.subject.repo,
                "pg": finding.subject.pg,
                "result": finding.grade.name(),
                "seen": finding.seen,
                "means": finding.check.means,
                "mend": finding.mend,
            })
        })
        .collect();
    let value = json!({
        "result": report.worst().name(),
        "total": {
            "fail": report.count(Grade::Fail),
            "warn": report.count(Grade::Warn),
            "note": report.count(Grade::Note),
            "ok": report.count(Grade::Ok),
            "not-tested": report.count(Grade::NotTested),
        },
        "check": checks,
    });
    format!("{value}\n")
}
