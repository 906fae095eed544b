//! With `--age`: which backups and directories of WAL were verified not long ago, and what is to be remembered of this run.
//!
//! Invariant: only what was read as a whole in one run and found sound is remembered, with the time when that run began. Whatever
//! was found damaged is forgotten, and so is what is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::{ArchiveId, BackupLabel};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use super::record::{self, Entries, Verified};
use super::settings::Settings;
use crate::hosts::stanza_info::StanzaInfo;
use crate::hosts::{Repository, this_host};
use crate::run::Context;
use crate::wal::archive::WalDirectory;

/// Bytes of a record at most: a million directories of WAL.
const LARGEST: u64 = 256 << 20;

/// A backup or a directory of WAL in this run.
#[derive(Debug, Default)]
struct Unit {
    of: String,
    /// Files that were given out and not found sound yet.
    open: u64,
    /// All its files were given out.
    complete: bool,
    failed: bool,
    /// It was verified before, and is not read now.
    skipped: bool,
}

/// What is known from runs before, and what this one adds.
#[derive(Debug)]
pub(super) struct Memory {
    directory: Arc<PosixStorage>,
    path: StoragePath,
    repository: String,
    began: i64,
    /// What was verified before this time is due.
    since: i64,
    known: Entries,
    units: BTreeMap<String, Unit>,
}

impl Memory {
    /// What is remembered of the repository; `None` without `--age`.
    pub(super) fn load(
        context: &Context,
        settings: &Settings,
        repository: &Repository,
        info: &StanzaInfo,
    ) -> Option<Self> {
        let age = settings.age?;
        let began = context.clock.seconds();
        let directory = this_host::directory(&settings.spool_path);
        let path = StoragePath::new(format!(
            "verify/{}/repo{}.json",
            settings.stanza, repository.key
        ));
        let place = repository.storage.display(&StoragePath::root());
        let system_id = info.backup.history.current().system_id;
        let name = format!("{place} of {system_id}");
        let known = match read_all(&*directory, &path, LARGEST) {
            Ok(None) => Entries::new(),
            Ok(Some(bytes)) => record::parse(&bytes, &name).unwrap_or_else(|why| {
                let shown = directory.display(&path);
                log::warn!(
                    "what was verified before is not known, as '{shown}' cannot be used: {why}\n\
                     HINT: everything is verified now, and the file is written anew."
                );
                Entries::new()
            }),
            Err(error) => {
                log::warn!(
                    "what was verified before is not known: {error}\nHINT: everything is verified now."
                );
                Entries::new()
            }
        };
        Some(Self {
            directory,
            path,
            repository: name,
            began,
            since: began.saturating_sub(age),
            known,
            units: BTreeMap::new(),
        })
    }

    /// When it was verified, if that is not too long ago. Times that have not come yet count for nothing.
    fn fresh(&self, unit: &str, of: &str) -> Option<i64> {
        let verified = self.known.get(unit).filter(|verified| verified.of == of)?;
        (self.since..=self.began)
            .contains(&verified.at)
            .then_some(verified.at)
    }

    /// It is there. Returns when it was verified; `None`: it is due.
    fn meet(&mut self, unit: &str, of: &str) -> Option<i64> {
        let fresh = self.fresh(unit, of);
        let met = Unit {
            of: of.to_owned(),
            skipped: fresh.is_some(),
            ..Unit::default()
        };
        self.units.insert(unit.to_owned(), met);
        fresh
    }

    /// As [`Memory::meet`] for a backup.
    pub(super) fn meet_backup(&mut self, label: &BackupLabel) -> Option<i64> {
        self.meet(&backup(label), "")
    }

    /// As [`Memory::meet`] for a directory of WAL.
    pub(super) fn meet_wal(&mut self, id: &ArchiveId, directory: &WalDirectory) -> Option<i64> {
        self.meet(&wal(id, &directory.name), &content(directory))
    }

    /// When it was verified last, for the order: 0 if never.
    pub(super) fn last(&self, unit: &str) -> i64 {
        let last = self.known.get(unit).map_or(0, |verified| verified.at);
        if last > self.began { 0 } else { last }
    }

    /// So many more of its files are given out.
    pub(super) fn give_out(&mut self, unit: &str, files: u64) {
        self.with(unit, |unit| unit.open += files);
    }

    /// No more of its files will be given out.
    pub(super) fn complete(&mut self, unit: &str) {
        self.with(unit, |unit| unit.complete = true);
    }

    /// One of its files is sound.
    pub(super) fn sound(&mut self, unit: &str) {
        self.with(unit, |unit| unit.open = unit.open.saturating_sub(1));
    }

    /// Something of it is not in order.
    pub(super) fn fail(&mut self, unit: &str) {
        self.with(unit, |unit| unit.failed = true);
    }

    fn with(&mut self, unit: &str, change: impl FnOnce(&mut Unit)) {
        if let Some(unit) = self.units.get_mut(unit) {
            change(unit);
        }
    }

    /// Writes down what is to be remembered. That it cannot be written is told and changes nothing of the result.
    pub(super) fn save(self) {
        let (directory, path) = (&*self.directory, &self.path);
        let bytes = record::render(&self.repository, self.entries());
        // Whole or not at all, and the last of two runs at the same time counts: what it does not know is verified once more.
        if let Err(error) = write_all(directory, path, &WriteOptions::default(), &bytes) {
            log::warn!(
                "what was verified cannot be remembered: {error}\n\
                 HINT: the next run reads it again. Set spool-path to a directory that this user may write."
            );
        }
    }

    fn entries(&self) -> Entries {
        let entry = |(name, unit): (&String, &Unit)| {
            let before = || {
                self.known
                    .get(name)
                    .filter(|verified| verified.of == unit.of)
                    .cloned()
            };
            let verified = match unit {
                Unit { failed: true, .. } => None,
                Unit { skipped: true, .. } => before(),
                Unit {
                    complete: true,
                    open: 0,
                    ..
                } => Some(Verified {
                    at: self.began,
                    of: unit.of.clone(),
                }),
                // The run ended before: it stays as long overdue as it was.
                _ => before().filter(|verified| verified.at <= self.began),
            };
            Some((name.clone(), verified?))
        };
        self.units.iter().filter_map(entry).collect()
    }
}

/// The name of a backup here.
pub(super) fn backup(label: &BackupLabel) -> String {
    format!("backup/{label}")
}

/// The name of a directory of WAL here.
pub(super) fn wal(id: &ArchiveId, directory: &str) -> String {
    format!("archive/{id}/{directory}")
}

/// What a directory of WAL holds: whatever is added, stored again or removed makes it another one.
fn content(directory: &WalDirectory) -> String {
    let mut names = String::new();
    for stored in &directory.segments {
        names.push_str(&format!(
            "{} {} {}\n",
            stored.segment, stored.size, stored.at
        ));
    }
    Sha1Digest::of(names.as_bytes()).to_string()
}
