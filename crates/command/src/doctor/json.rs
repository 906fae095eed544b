//! The report for programs. Keys are added, never renamed.

use serde_json::json;

use super::text::WORDING;
use crate::report::finding::Grade;
use crate::report::findings::Findings;
use crate::report::json;

pub(super) fn render(findings: &Findings) -> String {
    let value = json!({
        "result": WORDING.grade(findings.worst()),
        "total": {
            "fail": findings.count(Grade::Fail),
            "warn": findings.count(Grade::Warn),
            "note": findings.count(Grade::Note),
            "ok": findings.count(Grade::Ok),
            "not-tested": findings.count(Grade::NotTested),
        },
        "check": json::checks(&WORDING, findings),
    });
    format!("{value}\n")
}
