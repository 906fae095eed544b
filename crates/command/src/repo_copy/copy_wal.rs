//! The WAL of a copy: that of one backup before it is published, and what is left at the end.

use std::collections::BTreeSet;

use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{ArchiveId, layout};
use pgkeep_storage::StoragePath;

use super::copy::Copy;
use super::piece::{Fault, Recode};
use super::publish::sync;
use super::runs::{Present, Readable};
use super::wal_list;
use crate::error::{ErrorCode, Result};

/// First and last segment that make a backup consistent.
type Range = (String, String);

impl Copy<'_> {
    /// Names segments that nobody can choose from.
    pub(super) fn tell_several(&mut self) {
        for (id, archive) in &self.archives {
            for name in &archive.several {
                log::warn!(
                    "WAL {name} of {id} is stored with several contents in repo{} and repo{}: it is not copied",
                    self.settings.from,
                    self.settings.to
                );
                self.outcome.findings.add(ErrorCode::ArchiveDuplicate);
            }
            let bad = self.bad_wal.entry(id.clone()).or_default();
            bad.extend(archive.several.iter().cloned());
        }
    }

    /// Copies the WAL that makes a backup consistent. If some of it is not there, hands back why the backup cannot be used, with an exit
    /// code if none was noted yet.
    pub(super) fn wal_of(
        &mut self,
        entry: &BackupEntry,
        range: &Range,
    ) -> Result<Option<(Option<ErrorCode>, String)>> {
        let Some(id) = self.sides.archive_id(entry.pg_id) else {
            return Ok(None);
        };
        let (start, stop) = range;
        let is_in = |name: &str| {
            let segment = name.get(..24);
            segment.is_some_and(|one| one >= start.as_str() && one <= stop.as_str())
        };
        self.wal(&id, is_in)?;
        if !needs_wal(entry) {
            return Ok(None);
        }
        let bad = self.bad_wal.get(&id);
        let is_bad = bad.is_some_and(|bad| bad.iter().any(|name| is_in(name)));
        let from = [
            Readable {
                storage: &*self.sides.from.storage,
                pass: self.sides.source.archive.cipher_pass.as_ref(),
            },
            Readable {
                storage: &*self.sides.to.storage,
                pass: self.target.archive.cipher_pass.as_ref(),
            },
        ];
        let archive = self.archives.get(&id);
        let mut has =
            |segment: &str| Ok(archive.is_some_and(|archive| archive.segments.contains(segment)));
        let stanza = &self.settings.stanza;
        let missing = self.runs.missing((stanza, &id), &from, range, &mut has)?;
        let what = "not all WAL that makes it consistent is there";
        Ok(match (missing, is_bad) {
            (Some(missing), _) => {
                let (from, to) = (self.sides.from.name(), self.sides.to.name());
                let why = format!("{what}: WAL {missing} is neither in {from} nor in {to}");
                Some((Some(ErrorCode::FileMissing), why))
            }
            (None, true) => Some((None, what.to_owned())),
            (None, false) => None,
        })
    }

    /// The first segment that makes a backup consistent and is not in the target now.
    pub(super) fn missing_wal(
        &mut self,
        entry: &BackupEntry,
        range: &Range,
    ) -> Result<Option<String>> {
        let Some(id) = self.sides.archive_id(entry.pg_id) else {
            return Ok(None);
        };
        if !needs_wal(entry) {
            return Ok(None);
        }
        let (storage, stanza) = (&*self.sides.to.storage, &self.settings.stanza);
        let from = [Readable {
            storage,
            pass: self.target.archive.cipher_pass.as_ref(),
        }];
        let mut present = Present::new(storage, stanza, &id);
        let mut has = |segment: &str| present.has(segment);
        self.runs.missing((stanza, &id), &from, range, &mut has)
    }

    /// Copies what is left of an archive and `wanted`.
    pub(super) fn wal(&mut self, id: &ArchiveId, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let Some(archive) = self.archives.get_mut(id) else {
            return Ok(());
        };
        let names: Vec<String> = archive
            .left
            .keys()
            .filter(|name| wanted(name))
            .cloned()
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let recode = self.sides.is_recoded().then(|| Recode {
            decrypt: self.sides.source.archive.cipher_pass.clone(),
            encrypt: self.target.archive.cipher_pass.clone(),
        });
        let stanza = &self.settings.stanza;
        let mut left: Vec<_> = names
            .iter()
            .filter_map(|name| archive.left.remove(name))
            .collect();
        let mut directories: BTreeSet<StoragePath> = BTreeSet::new();
        directories.insert(layout::archive_path(stanza));
        directories.insert(layout::archive_id_path(stanza, id));
        let mut files = left.drain(..).map(|stored| {
            let file = wal_list::copy_file(stanza, id, &stored, recode.clone());
            directories.insert(file.path.parent());
            file
        });
        let result = self.transfer.run(&mut files, false)?;
        drop(files);
        let directories: Vec<StoragePath> = directories.into_iter().collect();
        sync(&*self.sides.to.storage, &directories)?;
        self.outcome.segments(id, &result);
        for (path, fault) in result.faults {
            let name = String::from_utf8_lossy(path.file_name()).into_owned();
            let stands_for = StoredSegment::parse(&name).map_or(name, |segment| segment.name);
            if matches!(fault, Fault::Missing) {
                // It was there when the archive was listed: an expire has removed it since, and rightly.
                log::warn!("{}: WAL {stands_for} is gone", self.sides.from.name());
            } else {
                self.tell(&path, &fault);
            }
            let bad = self.bad_wal.entry(id.clone()).or_default();
            bad.insert(stands_for);
        }
        Ok(())
    }
}

/// Whether a backup is of no use without the WAL of its range. One that was made without looking into the archive says nothing about
/// it, and one that holds its WAL itself needs no other.
fn needs_wal(entry: &BackupEntry) -> bool {
    entry.option_archive_check && !entry.option_archive_copy
}
