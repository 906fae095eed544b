//! Which files the workers get next, in the order of the repository.

use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{BackupLabel, Manifest, layout};

use super::file::{Item, Owner};
use super::manifest;
use super::memory;
use super::met::Met;
use super::result::{ArchiveResult, BackupResult, Status};
use super::turn::Turn;
use super::work::{Reference, State};
use crate::error::{ErrorCode, Result};
use crate::hosts::repository::measured::file::{KeyOf, StoredFile, Unpack};

/// Bytes of a job at most, unless one file has more: small enough that all workers have something to do until the end.
const JOB_BYTES: u64 = 16 << 20;
/// Files of a job on a storage where a file costs round trips, and where not.
const JOB_FILES: (usize, usize) = (256, 16);

impl State<'_> {
    /// Files for a worker, in the order of the repository.
    pub(super) fn next_job(&mut self) -> Result<Option<Vec<Item>>> {
        let slow = self.work.repository.storage.has_latency();
        let most = if slow { JOB_FILES.0 } else { JOB_FILES.1 };
        let (mut job, mut bytes) = (Vec::new(), 0);
        while job.len() < most && bytes < JOB_BYTES {
            if self.waiting.is_empty() && !self.refill()? {
                break;
            }
            let item = self.waiting.pop_front();
            bytes += item.as_ref().map_or(0, |item| item.stored);
            job.extend(item);
        }
        Ok((!job.is_empty()).then_some(job))
    }

    /// Makes the next files wait; `false`: there are no more.
    fn refill(&mut self) -> Result<bool> {
        while self.waiting.is_empty() {
            if self.next_archive < self.work.scope.archives.len() {
                self.refill_wal()?;
            } else if self.manifest.is_some() {
                self.refill_files();
            } else if let Some(label) = self.next_backups.pop_front() {
                self.begin_backup(label)?;
            } else {
                match self.next_turn() {
                    Some(Turn::Wal(items)) => self.waiting.extend(items),
                    Some(Turn::Backups(labels)) => self.next_backups = labels,
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn refill_wal(&mut self) -> Result<()> {
        let at = self.next_archive;
        let Some(work) = self.archives.front_mut() else {
            self.next_archive = self.work.scope.archives.len();
            return Ok(());
        };
        if self.results.archives.len() == at {
            let id = self.work.scope.archives[at].clone();
            if work.0.directories.is_empty() {
                crate::detail!("archive path '{id}' is empty");
            }
            let mut result = ArchiveResult::new(id);
            result.wal.histories = work.0.histories()?;
            self.results.archives.push(result);
        }
        let unit = match (&mut self.memory, work.0.directories.front()) {
            (Some(memory), Some(directory)) => {
                let unit = memory::wal(&self.results.archives[at].id, &directory.name);
                let of = (&self.results.archives[at].id, self.work.info);
                let met = memory.meet_wal(of, directory);
                Some((unit, directory.name.clone(), met))
            }
            _ => None,
        };
        let duplicates = self.results.archives[at].duplicates.len();
        match work.next(&mut self.results.archives[at], at, self.findings)? {
            Some(items) => {
                let is_single = self.results.archives[at].duplicates.len() == duplicates;
                self.enter_wal(at, unit, items, is_single);
            }
            None => {
                self.archives.pop_front();
                self.next_archive += 1;
            }
        }
        Ok(())
    }

    fn begin_backup(&mut self, label: BackupLabel) -> Result<()> {
        let work = self.work;
        let unfinished = work.scope.unfinished(&label, &work.info.backup);
        let mut result = BackupResult::new(label);
        let found = manifest::usable(
            work.repository,
            work.settings,
            work.info,
            &mut result,
            unfinished,
            self.findings,
        )?;
        if let Some((manifest, sha1)) = found {
            let memory = self.memory.as_mut();
            match memory.map(|memory| memory.meet_manifest(&result.label, &sha1)) {
                Some(Met::Verified(at)) => result.verified = Some(at),
                Some(Met::Due(part)) => result.part = part,
                None => {}
            }
            result.point = manifest::point(&manifest);
            if manifest.file_count() == 0 {
                log::info!(
                    "backup '{}' manifest does not contain any target files to verify",
                    result.label
                );
                result.status = Status::Invalid;
                self.findings.add(ErrorCode::FileInvalid);
            } else {
                self.manifest = Some((manifest, 0));
            }
        }
        self.results.backups.push(result);
        Ok(())
    }

    /// Some files of the backup in hand.
    fn refill_files(&mut self) {
        let Some((manifest, mut at)) = self.manifest.take() else {
            return;
        };
        let user = self.results.backups.len() - 1;
        let unit = memory::backup(&self.results.backups[user].label);
        let verified = self.results.backups[user].verified;
        let part = self.results.backups[user].part;
        // All that was verified before, or the first so many.
        let before = verified.map_or(part.map_or(0, |(_, files)| files), |_| u64::MAX);
        while at < manifest.file_count() && self.waiting.is_empty() {
            let file = manifest.file_at(at);
            let position = at as u64;
            at += 1;
            self.results.backups[user].checked += 1;
            // A bundle holds no bytes of it.
            if file.size == 0 && manifest.backup.bundle {
                self.results.backups[user].valid += 1;
                continue;
            }
            let item = self.item(&manifest, &file, (user, position));
            let holder = file.reference_label().and_then(|label| {
                self.results.backups[..user]
                    .iter()
                    .position(|backup| backup.complete && backup.label == *label)
            });
            match holder {
                Some(holder) => self.references.push(Reference {
                    user: user as u32,
                    holder: holder as u32,
                    key: item.key(),
                }),
                None if position < before => {
                    self.results.backups[user].checked -= 1;
                    self.results.backups[user].skipped += 1;
                }
                None => {
                    if let Some(memory) = &mut self.memory {
                        memory.give_out(&unit, position);
                    }
                    self.waiting.push_back(item);
                }
            }
        }
        let is_complete = at == manifest.file_count();
        if let Some(memory) = &mut self.memory {
            memory.passed(&unit, at as u64);
            if is_complete {
                memory.complete(&unit);
            }
        }
        if is_complete {
            self.results.backups[user].complete = true;
        } else {
            self.manifest = Some((manifest, at));
        }
    }

    fn item(
        &self,
        manifest: &Manifest,
        file: &FileRef<'_>,
        (user, position): (usize, u64),
    ) -> Item {
        let stanza = &self.work.settings.stanza;
        let label = &self.results.backups[user].label;
        let holder = file.reference_label().unwrap_or(label);
        let path = layout::backup_file(
            stanza,
            holder,
            &file.name.to_vec(),
            manifest.stored_as(file),
        );
        let (unpack, checksum, size) = match file.repo_checksum {
            // The stored bytes have a checksum of their own: nothing needs to be unpacked.
            Some(checksum) => (None, Some(checksum), file.repo_size),
            None => {
                let unpack = Unpack {
                    // Of this backup, whose manifest is there; all sets that refer to each other have the same.
                    key: KeyOf::Set(label.clone()),
                    compress: manifest.options.compress_type,
                    pass: manifest.cipher_pass.clone(),
                };
                (Some(unpack), file.checksum, file.size)
            }
        };
        Item {
            owner: Owner::Backup(user),
            position,
            file: StoredFile {
                path,
                slice: file.bundle.map(|_| manifest.stored_range(file)),
                stored: Some(file.repo_size),
                unpack,
            },
            stored: file.repo_size,
            checksum,
            size: Some(size),
        }
    }
}
