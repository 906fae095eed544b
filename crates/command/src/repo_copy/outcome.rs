//! What a copy came to, and its form for programs: one JSON document in one line, lists empty rather than absent, what is not known
//! `null`. Keys are added, never renamed.
//!
//! Described for users in `docs/guide/monitoring.md`.

use std::collections::BTreeMap;

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{ArchiveId, BackupLabel};
use serde_json::{Value, json};

use super::findings::Findings;
use super::piece::Fault;
use super::plan::Plan;
use super::settings::Settings;
use super::transfer::Transferred;
use crate::error::Error;
use crate::run::clock::Clock;

/// What became of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    /// Its turn has not come.
    ToCopy,
    Copied,
    /// The target had it.
    There,
    /// It was expired in the source before its turn came.
    Expired,
    Failed,
}

impl Became {
    fn name(self) -> &'static str {
        match self {
            Self::ToCopy => "to-copy",
            Self::Copied => "copied",
            Self::There => "there",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug)]
struct Set {
    entry: BackupEntry,
    became: Became,
    files: u64,
    files_there: u64,
    bytes: u64,
    /// Why it is not as it should be.
    why: Option<String>,
}

/// WAL of one cluster, in files.
#[derive(Debug, Default)]
struct Wal {
    left: u64,
    there: u64,
    copied: u64,
    failed: u64,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub sets: u64,
    pub sets_there: u64,
    pub files: u64,
    pub files_there: u64,
    pub segments: u64,
    pub segments_there: u64,
    pub bytes: u64,
}

/// A copy so far.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub done: Done,
    pub findings: Findings,
    sets: BTreeMap<BackupLabel, Set>,
    wal: BTreeMap<ArchiveId, Wal>,
    problems: Vec<Value>,
    /// Bytes to be copied when it began.
    planned: u64,
}

impl Outcome {
    /// What is to be done.
    pub(super) fn plan(&mut self, plan: &Plan) {
        self.planned = plan.bytes();
        for set in &plan.sets {
            let one = Set {
                entry: set.entry.clone(),
                became: if set.there {
                    Became::There
                } else {
                    Became::ToCopy
                },
                files: 0,
                files_there: 0,
                bytes: 0,
                why: None,
            };
            self.sets.insert(set.label().clone(), one);
        }
        for (id, archive) in &plan.archives {
            let one = Wal {
                left: archive.left.len() as u64,
                there: archive.there,
                ..Wal::default()
            };
            self.done.segments_there += archive.there;
            self.wal.insert(id.clone(), one);
            for name in &archive.several {
                self.several(id, name);
            }
        }
    }

    /// Files of a backup were copied.
    pub(super) fn files(&mut self, label: &BackupLabel, result: &Transferred) {
        self.done.files += result.files;
        self.done.files_there += result.there;
        self.done.bytes += result.bytes;
        if let Some(set) = self.sets.get_mut(label) {
            set.files += result.files;
            set.files_there += result.there;
            set.bytes += result.bytes;
        }
    }

    /// WAL of a cluster was copied.
    pub(super) fn segments(&mut self, id: &ArchiveId, result: &Transferred) {
        self.done.segments += result.files;
        self.done.bytes += result.bytes;
        let wal = self.wal.entry(id.clone()).or_default();
        let failed = result.faults.len() as u64;
        wal.copied += result.files;
        wal.failed += failed;
        wal.left = wal.left.saturating_sub(result.files + failed);
    }

    /// A backup is in the target now.
    pub(super) fn copied(&mut self, label: &BackupLabel) {
        self.done.sets += 1;
        self.became(label, Became::Copied, None);
    }

    /// The target has it already; `why`: what is wrong with it.
    pub(super) fn there(&mut self, label: &BackupLabel, why: Option<&str>) {
        self.done.sets_there += 1;
        self.became(label, Became::There, why);
    }

    /// It is not in the target.
    pub(super) fn became(&mut self, label: &BackupLabel, became: Became, why: Option<&str>) {
        if let Some(set) = self.sets.get_mut(label) {
            set.became = became;
            set.why = why.map(str::to_owned);
        }
    }

    /// A file of the source cannot be used.
    pub(super) fn problem(&mut self, path: &str, fault: &Fault) {
        let error = match fault {
            Fault::Other(error) => {
                json!({"code": error.code.number(), "message": error.text()})
            }
            _ => Value::Null,
        };
        self.problems
            .push(json!({"path": path, "problem": fault.name(), "error": error}));
    }

    fn several(&mut self, id: &ArchiveId, name: &str) {
        let wal = self.wal.entry(id.clone()).or_default();
        wal.failed += 1;
        let path = format!("{id}/{name}");
        self.problems
            .push(json!({"path": path, "problem": "several-contents", "error": null}));
    }

    /// The document of a run that began at this millisecond.
    pub(super) fn document(
        &self,
        settings: &Settings,
        (began, clock): (i64, &Clock),
        error: Option<&Error>,
    ) -> Value {
        let number = |became| {
            let sets = self.sets.values();
            sets.filter(|set| set.became == became).count()
        };
        json!({
            "stanza": settings.stanza.as_str(),
            "repo-key": {"from": settings.from, "to": settings.to},
            "dry-run": settings.dry_run,
            "status": {
                "code": error.map_or(0, |error| error.code.number()),
                "message": if error.is_some() { "error" } else { "ok" },
            },
            "timestamp": {"start": began / 1000, "stop": clock.seconds()},
            "time": {"copy-ms": clock.milliseconds() - began},
            "total": {
                "backup": {
                    "to-copy": number(Became::ToCopy),
                    "copied": number(Became::Copied),
                    "there": number(Became::There),
                    "expired": number(Became::Expired),
                    "failed": number(Became::Failed),
                },
                "file": {"copied": self.done.files, "there": self.done.files_there},
                "wal": wal(self.wal.values()),
                "bytes": {"planned": self.planned, "copied": self.done.bytes},
            },
            "backup": self.sets.values().map(set).collect::<Vec<_>>(),
            "archive": self
                .wal
                .iter()
                .map(|(id, one)| json!({"id": id.to_string(), "wal": wal([one])}))
                .collect::<Vec<_>>(),
            "problem": self.problems,
            "error": error.map(|error| json!({
                "code": error.code.number(),
                "message": error.message,
                "hint": error.hints,
            })),
        })
    }
}

fn set(set: &Set) -> Value {
    json!({
        "label": set.entry.label.as_str(),
        "type": set.entry.backup_type.to_string(),
        "result": set.became.name(),
        "reason": set.why,
        "size": set.entry.repo_size_delta,
        "bytes": set.bytes,
        "file": {"copied": set.files, "there": set.files_there},
    })
}

fn wal<'w>(all: impl IntoIterator<Item = &'w Wal>) -> Value {
    let mut sum = Wal::default();
    for one in all {
        sum.left += one.left;
        sum.there += one.there;
        sum.copied += one.copied;
        sum.failed += one.failed;
    }
    json!({"to-copy": sum.left, "copied": sum.copied, "there": sum.there, "failed": sum.failed})
}
