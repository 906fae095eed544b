//! Findings for programs. Keys are added, never renamed, and keep their order.

use serde_json::{Map, Value, json};

use super::findings::Findings;
use super::wording::Wording;

/// The value of the key `check`.
pub(crate) fn checks(wording: &Wording, findings: &Findings) -> Vec<Value> {
    findings
        .iter()
        .map(|finding| {
            let mut entry = Map::new();
            entry.insert("check".to_owned(), json!(finding.check.name));
            entry.insert("title".to_owned(), json!(finding.check.title));
            if let Some(subject) = &finding.subject {
                entry.insert("stanza".to_owned(), json!(subject.stanza));
                entry.insert("repo".to_owned(), json!(subject.repo));
                entry.insert("pg".to_owned(), json!(subject.pg));
            }
            entry.insert("result".to_owned(), json!(wording.grade(finding.grade)));
            entry.insert("seen".to_owned(), json!(finding.seen));
            entry.insert("means".to_owned(), json!(finding.check.means));
            entry.insert("mend".to_owned(), json!(finding.mend));
            Value::Object(entry)
        })
        .collect()
}
