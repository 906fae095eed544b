//! The result as a JSON document for programs: one line, lists empty rather than absent, what is not known `null`.
//!
//! Described for users in `docs/guide/monitoring.md`.

use pgkeep_postgres::WalSegment;
use serde_json::{Value, json};

use super::file::Fault;
use super::findings::Findings;
use super::result::{ArchiveResult, BackupResult, Faults, Outcome, Problem, Results};
use super::settings::Settings;
use super::skipped;
use crate::wal::window::{Gap, Restorable, Window};

/// The document of a run.
pub(super) fn render(settings: &Settings, findings: &Findings, outcome: &Outcome) -> Value {
    let gravest = findings.gravest();
    let mut document = json!({
        "stanza": settings.stanza.as_str(),
        "repo-key": settings.repo_key,
        "status": {
            "code": gravest.map_or(0, |code| code.number()),
            "message": if gravest.is_some() { "error" } else { "ok" },
            "error-total": findings.count(),
        },
        "archive": [],
        "backup": [],
        "problem": [],
        "unusable": findings.unusable(),
    });
    match outcome {
        Outcome::Note(note) => {
            document["note"] = json!(note.trim().lines().map(str::trim).collect::<Vec<_>>())
        }
        Outcome::Results(results) => {
            fill(&mut document, results);
            if let Some(ended) = &results.ended {
                document["ended"] = json!(ended.message);
            }
            if settings.age.is_some() {
                document["skipped"] = skipped::document(results);
            }
        }
    }
    document
}

fn fill(document: &mut Value, results: &Results) {
    document["archive"] = results.archives.iter().map(archive).collect();
    document["backup"] = results.backups.iter().map(backup).collect();
    document["problem"] = results.problems.iter().map(problem).collect();
}

fn archive(archive: &ArchiveResult) -> Value {
    json!({
        "id": archive.id.to_string(),
        "total": totals(archive.checked, archive.valid, &archive.faults),
        "duplicate": archive.duplicates,
        "range": archive
            .runs
            .iter()
            .map(|(start, stop)| json!({"start": start, "stop": stop}))
            .collect::<Vec<_>>(),
    })
}

fn backup(backup: &BackupResult) -> Value {
    json!({
        "label": backup.label.as_str(),
        "status": backup.status.text(),
        "total": totals(backup.checked, backup.valid, &backup.faults),
        "restorable": restorable(backup),
    })
}

fn totals(checked: u64, valid: u64, faults: &Faults) -> Value {
    json!({
        "checked": checked,
        "valid": valid,
        "missing": faults.missing,
        "checksum-invalid": faults.checksum,
        "size-invalid": faults.size,
        "other": faults.other,
    })
}

fn problem(problem: &Problem) -> Value {
    let mut value = json!({"path": problem.path, "problem": problem.fault.name()});
    if let Some(error) = &problem.error {
        value["error"] = json!({"code": error.code.number(), "message": error.text()});
    }
    value
}

/// `null` where the manifest cannot be used.
fn restorable(backup: &BackupResult) -> Value {
    let (Some(point), Some(restorable)) = (&backup.point, &backup.restorable) else {
        return Value::Null;
    };
    let from = json!({
        "time": point.time,
        "lsn": point.lsn.map(|lsn| lsn.to_string()),
        "wal": point.wal.map(|(_, stop)| stop.to_string()),
    });
    let (possible, windows, missing) = match restorable {
        Restorable::Damaged => (false, Vec::new(), Vec::new()),
        Restorable::Inconsistent(gaps) => (false, Vec::new(), gaps.iter().map(gap).collect()),
        Restorable::AsItIs => (true, Vec::new(), Vec::new()),
        Restorable::Windows(windows) => (true, windows.iter().map(window).collect(), Vec::new()),
    };
    json!({"possible": possible, "from": from, "window": windows, "wal-missing": missing})
}

fn window(window: &Window) -> Value {
    json!({
        "timeline": window.timeline.0,
        "to": {
            "lsn": window.end.to_string(),
            "wal": window.last.to_string(),
            "wal-stored": window.stored,
        },
        "gap": window.gap.as_ref().map(gap),
    })
}

fn gap(gap: &Gap) -> Value {
    let name = |segment: WalSegment| segment.to_string();
    json!({"start": name(gap.first), "stop": name(gap.last)})
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Missing => "missing",
            Fault::Checksum => "checksum-invalid",
            Fault::Size => "size-invalid",
            Fault::Other => "other",
        }
    }
}
