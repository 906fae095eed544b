//! With `--age`: which backups and directories of WAL were verified not long ago, and what is to be remembered of this run.
//!
//! Invariant: only what was found sound is remembered, with the time when the run began that has read the first of it. What is larger
//! than the time of a run is read by several, each from where the one before has ended. Whatever was found damaged is forgotten,
//! also by a run without `--age`, and so is what is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::{ArchiveId, BackupLabel};
use pgkeep_storage::copy::write_all;
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{Storage, StoragePath, WriteOptions};
use secrecy::ExposeSecret;

use super::last_run;
use super::met::Met;
use super::place;
use super::record::{self, Entries};
use super::settings::Settings;
use super::unit::{Times, Unit};
use crate::hosts::stanza_info::StanzaInfo;
use crate::hosts::{Repository, this_host};
use crate::run::Context;
use crate::wal::archive::WalDirectory;

/// Seconds after which what was read so far is written down.
const EVERY: i64 = 300;

/// What is known from runs before, and what this one adds.
#[derive(Debug)]
pub(super) struct Memory {
    directory: Arc<PosixStorage>,
    path: StoragePath,
    repository: String,
    /// `None`: without `--age`. Everything is read, and what was found damaged is forgotten.
    times: Option<Times>,
    known: Entries,
    units: BTreeMap<String, Unit>,
    /// When it was written down last in this run, seconds since 1970.
    saved: i64,
    /// What is written down may be another than `known`.
    differs: bool,
}

impl Memory {
    /// What is remembered of the repository; `None` without `--age`, where nothing is known that damage could make untrue.
    pub(super) fn load(
        context: &Context,
        settings: &Settings,
        repository: &Repository,
    ) -> Option<Self> {
        let now = context.clock.seconds();
        let times = settings.age.map(|age| Times::new(now, age));
        let directory = this_host::directory(settings.spool_path.as_ref()?);
        let path = last_run::record_path(&settings.stanza, repository.key);
        let name = place::of(context, repository);
        let known = match this_host::read_state(&directory, &path, last_run::LARGEST) {
            Ok(None) => Entries::new(),
            Ok(Some(bytes)) => match record::parse(&bytes, &name) {
                Ok(known) => known,
                Err(why) if times.is_some() => {
                    let shown = directory.display(&path);
                    log::warn!(
                        "what was verified before is not known, as '{shown}' cannot be used: {why}\n\
                         HINT: everything is verified now, and the file is written anew."
                    );
                    Entries::new()
                }
                Err(_) => return None,
            },
            Err(error) if times.is_some() => {
                log::warn!(
                    "what was verified before is not known: {error}\nHINT: everything is verified now."
                );
                Entries::new()
            }
            Err(_) => return None,
        };
        if times.is_none() && known.is_empty() {
            return None;
        }
        Some(Self {
            directory,
            path,
            repository: name,
            times,
            known,
            units: BTreeMap::new(),
            saved: now,
            differs: false,
        })
    }

    /// Whether it says what is read, and in which order.
    pub(super) fn is_by_age(&self) -> bool {
        self.times.is_some()
    }

    /// It is there, `of` what it is; `None`: that is not known yet.
    fn meet(&mut self, unit: &str, of: Option<&str>) -> Met {
        let unit_now = match (&self.times, of) {
            (Some(times), Some(of)) => Unit::of(of, self.known.get(unit), times),
            _ => Unit::default(),
        };
        let met = match (&self.times, of) {
            (Some(times), None) => {
                let verified = self.known.get(unit).and_then(|known| times.fresh(known));
                verified.map_or(Met::Due(None), Met::Verified)
            }
            _ => unit_now.met(),
        };
        self.units.insert(unit.to_owned(), unit_now);
        met
    }

    /// As [`Memory::meet`] for a backup whose manifest was not read yet. Returns when it was verified, if it still is that backup.
    pub(super) fn meet_backup(&mut self, label: &BackupLabel) -> Option<i64> {
        self.meet(&backup(label), None).verified()
    }

    /// As [`Memory::meet`] for a backup with a manifest of this checksum: a set may be made anew under the same label.
    pub(super) fn meet_manifest(&mut self, label: &BackupLabel, sha1: &Sha1Digest) -> Met {
        self.meet(&backup(label), Some(&sha1.to_string()))
    }

    /// As [`Memory::meet`] for a directory of WAL, whose archive is of this cluster and has this key.
    pub(super) fn meet_wal(
        &mut self,
        (id, of): (&ArchiveId, &StanzaInfo),
        directory: &WalDirectory,
    ) -> Met {
        self.meet(&wal(id, &directory.name), Some(&content(id, of, directory)))
    }

    /// When it had its turn last, for the order: 0 if never.
    pub(super) fn last(&self, unit: &str) -> i64 {
        let known = self.known.get(unit).zip(self.times.as_ref());
        known.map_or(0, |(known, times)| times.last(known))
    }

    /// The file at this position in its order is given out.
    pub(super) fn give_out(&mut self, unit: &str, position: u64) {
        self.with(unit, |unit| unit.give_out(position));
    }

    /// All before this position were given out or need not be read.
    pub(super) fn passed(&mut self, unit: &str, position: u64) {
        self.with(unit, |unit| unit.passed(position));
    }

    /// No more of its files will be given out.
    pub(super) fn complete(&mut self, unit: &str) {
        self.with(unit, Unit::complete);
    }

    /// The file at this position is sound.
    pub(super) fn sound(&mut self, unit: &str, position: u64) {
        self.with(unit, |unit| unit.sound(position));
    }

    /// The file at this position is not in order.
    pub(super) fn unsound(&mut self, unit: &str, position: u64) {
        self.with(unit, |unit| {
            unit.sound(position);
            unit.fail();
        });
    }

    /// Something of it is not in order.
    pub(super) fn fail(&mut self, unit: &str) {
        self.with(unit, Unit::fail);
    }

    fn with(&mut self, unit: &str, change: impl FnOnce(&mut Unit)) {
        if let Some(unit) = self.units.get_mut(unit) {
            change(unit);
        }
    }

    /// Writes it down from time to time, for a run that is killed or loses its machine. Not without `--age`, where only damage changes it.
    pub(super) fn save_sometimes(&mut self, now: i64) {
        // A clock that is set back must not put it off.
        let passed = now.saturating_sub(self.saved);
        if self.times.is_some() && !(0..EVERY).contains(&passed) {
            self.saved = now;
            self.save();
            self.differs = true;
        }
    }

    /// Writes down what is to be remembered. That it cannot be written is told and changes nothing of the result.
    pub(super) fn save(&self) {
        let (directory, path) = (&*self.directory, &self.path);
        let entries = self.entries();
        if entries == self.known && !self.differs {
            return;
        }
        let bytes = record::render(&self.repository, entries);
        // Whole or not at all, and the last of two runs at the same time counts: what it does not know is verified once more.
        if let Err(error) = write_all(directory, path, &WriteOptions::default(), &bytes) {
            log::warn!(
                "what was verified cannot be remembered: {error}\n\
                 HINT: the next run reads it again. Set spool-path to a directory that this user may write."
            );
        }
    }

    fn entries(&self) -> Entries {
        let Some(times) = &self.times else {
            let mut left = self.known.clone();
            left.retain(|name, _| !self.units.get(name).is_some_and(Unit::has_failed));
            return left;
        };
        let entry = |(name, unit): (&String, &Unit)| {
            let verified = unit.verified(self.known.get(name), times)?;
            Some((name.clone(), verified))
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

/// What a directory of WAL holds: whatever is added, stored again or removed makes it another one, and so does another key, with
/// which each file was written anew.
fn content(id: &ArchiveId, of: &StanzaInfo, directory: &WalDirectory) -> String {
    let entries = of.archive.history.entries();
    let cluster = entries.iter().find(|entry| entry.archive_id() == *id);
    let mut names = format!("{}\n", cluster.map_or(0, |entry| entry.system_id));
    if let Some(key) = &of.archive.cipher_pass {
        // Only the checksum of all of it is written down.
        let key = Sha1Digest::of(key.expose_secret().as_bytes());
        names.push_str(&format!("{key}\n"));
    }
    for stored in &directory.segments {
        names.push_str(&format!(
            "{} {} {}\n",
            stored.segment, stored.size, stored.at
        ));
    }
    Sha1Digest::of(names.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use pgkeep_repo::pg_history::PgHistoryEntry;
    use pgkeep_repo::{ArchiveInfo, BackupInfo, PgHistory};

    use super::*;

    #[test]
    fn wal_of_another_cluster_or_with_another_key_is_another_one() {
        let content = |system_id, key: Option<&str>| {
            let history = PgHistory::new(PgHistoryEntry {
                id: 1,
                system_id,
                version: "17".to_owned(),
                catalog_version: 202_406_281,
                control_version: 1700,
            });
            let of = StanzaInfo {
                archive: ArchiveInfo::new(history.clone(), key.map(Into::into)),
                backup: BackupInfo::new(history, None),
            };
            let directory = WalDirectory {
                name: "0000000100000000".to_owned(),
                segments: Vec::new(),
            };
            content(&ArchiveId::new("17", 1), &of, &directory)
        };
        assert_eq!(content(7, Some("one")), content(7, Some("one")));
        assert_ne!(content(7, Some("one")), content(7, Some("two")));
        assert_ne!(content(7, None), content(8, None));
    }
}
