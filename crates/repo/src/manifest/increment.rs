//! What a diff or incr need not copy, and when modification times cannot be trusted (`docs/format/manifest.md`).
//!
//! Pure: both manifests are in memory, nothing is read. Warnings are returned in pgBackRest's words.

use std::cmp::Ordering;

use pgkeep_pipeline::CompressType;

use super::file::{FileData, FileRef};
use super::owner::LabelId;
use super::{Manifest, pg_name};
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::{Error, Result};

impl Manifest {
    /// Notes how the files will be copied: `delta` by option, `copy_start` (seconds since 1970) before the wait for the
    /// next second, the compression.
    ///
    /// Turns delta on, with the warning returned, when a file is from the future.
    pub fn start_copy(
        &mut self,
        delta: bool,
        copy_start: i64,
        compress_type: CompressType,
    ) -> Option<String> {
        self.options.delta = Some(delta);
        // Online, changes within the second in which the files were listed cannot be seen by their time, so the copy
        // waits for the next one.
        self.backup.timestamp_copy_start =
            copy_start.saturating_add(i64::from(self.options.online));
        self.options.compress_type = compress_type;
        if delta {
            return None;
        }
        let warning = self.files().find(|file| file.timestamp > copy_start).map(|file| {
            format!(
                "file '{}' has timestamp ({}) in the future (relative to copy start {copy_start}), enabling delta checksum",
                shown(&file),
                file.timestamp
            )
        });
        if warning.is_some() {
            self.options.delta = Some(true);
        }
        warning
    }

    /// Makes a full manifest, as built, the diff or incr of `prior`: unchanged files become references.
    ///
    /// `archive_start` is the first WAL segment of this backup. Returns warnings; delta may be on afterwards
    /// (`options.delta`). Fails when `prior` is not a finished backup. `prior` is used up: what it knows of a file is given
    /// back as soon as this one knows it, so that two manifests of a million files take little more room than one.
    pub fn increment(
        &mut self,
        prior: Manifest,
        backup_type: BackupType,
        archive_start: Option<&str>,
    ) -> Result<Vec<String>> {
        let prior_label = prior
            .backup
            .label
            .clone()
            .ok_or_else(|| Error::format("prior manifest has no backup label"))?;
        self.backup.prior = Some(prior_label.clone());
        self.backup.backup_type = backup_type;
        // Block maps count by this list and bundles are read by this flag: both are one for the whole set.
        self.references.clone_from(&prior.references);
        self.backup.bundle_raw = prior.backup.bundle_raw;

        let mut warnings = Vec::new();
        warnings.extend(self.check_history(&prior, &prior_label, archive_start));
        if self.options.delta != Some(true) {
            warnings.extend(self.check_times(&prior));
        }
        if !warnings.is_empty() {
            self.options.delta = Some(true);
        }
        self.refer_to(prior, &prior_label)?;
        Ok(warnings)
    }

    /// A timeline switch or a change of online and offline: times mean nothing then.
    fn check_history(
        &self,
        prior: &Manifest,
        prior_label: &BackupLabel,
        archive_start: Option<&str>,
    ) -> Option<String> {
        let timeline = |segment: &str| segment.get(..8).map(str::to_owned);
        let switched = match (archive_start, &prior.backup.archive_stop) {
            (Some(start), Some(stop)) => timeline(start) != timeline(stop),
            _ => false,
        };
        if switched {
            Some(format!(
                "a timeline switch has occurred since the {prior_label} backup, enabling delta checksum\n\
                 HINT: this is normal after restoring from backup or promoting a standby."
            ))
        } else if prior.options.online != self.options.online {
            Some(format!(
                "the online option has changed since the {prior_label} backup, enabling delta checksum"
            ))
        } else {
            None
        }
    }

    /// The first file whose time or size went a way that copying by time would miss.
    fn check_times(&self, prior: &Manifest) -> Option<String> {
        let mut next = 0;
        self.files().find_map(|file| {
            if !find(prior, &mut next, &file) {
                return None;
            }
            let prior = prior.file_at(next);
            if file.timestamp < prior.timestamp {
                return Some(format!(
                    "file '{}' has timestamp earlier than prior backup (prior {}, current {}), enabling delta checksum",
                    shown(&file),
                    prior.timestamp,
                    file.timestamp
                ));
            }
            (file.size_original != prior.size_original && file.timestamp == prior.timestamp).then(|| {
                format!(
                    "file '{}' has same timestamp ({}) as prior but different size (prior {}, current {}), enabling \
                     delta checksum",
                    shown(&file),
                    file.timestamp,
                    prior.size_original,
                    file.size_original
                )
            })
        })
    }

    fn refer_to(&mut self, mut prior: Manifest, prior_label: &BackupLabel) -> Result<()> {
        let delta = self.options.delta == Some(true);
        let times_trusted_before = prior.times_trusted_before();
        let own_reference = self.names.intern_label(prior_label);
        let (mut next, mut forgotten) = (0, 0);
        for at in 0..self.files.len() {
            let file = self.files.get(at, &self.names);
            if !file.copy {
                continue;
            }
            let found = find(&prior, &mut next, &file);
            (forgotten..next).for_each(|passed| prior.files.forget(passed));
            forgotten = next;
            if !found {
                continue;
            }
            let prior_file = prior.file_at(next);
            if prior_file.checksum.is_none() {
                return Err(Error::format(format!(
                    "missing checksum for file '{}' in prior manifest",
                    file.name
                )));
            }
            let data = file.data;
            let delta = delta || data.timestamp >= times_trusted_before;
            let reference = match prior_file.reference_label() {
                Some(label) => self.names.intern_label(label),
                None => own_reference,
            };
            let changed = refer(data, &prior_file.data, reference, delta);
            self.files.update(at, &changed);
        }
        Ok(())
    }
}

/// Decides about one file that is in both manifests and marked to be copied.
fn refer(mut file: FileData, prior: &FileData, reference: LabelId, delta: bool) -> FileData {
    let same_size = file.size == prior.size;
    // A file that shrank below one block is stored whole; otherwise the block size of the set must stay.
    let keeps_blocks = prior
        .block
        .is_some_and(|block| block.map_size > 0 && file.size >= block.size);
    file.delta = delta && same_size && file.size != 0;
    if (file.size == 0 && prior.size == 0)
        || (!file.delta && same_size && file.timestamp == prior.timestamp)
    {
        file.copy = false;
    }
    if same_size || keeps_blocks {
        // The original size stays what was seen now; time, mode and owner too.
        file.size = prior.size;
        file.repo_size = prior.repo_size;
        file.checksum = prior.checksum;
        file.repo_checksum = prior.repo_checksum;
        file.page_check = prior.page_check.clone();
        file.bundle = prior.bundle;
        file.block = prior.block;
        file.reference = Some(reference);
    }
    file
}

fn shown(file: &FileRef<'_>) -> String {
    String::from_utf8_lossy(pg_name(&file.name.to_vec())).into_owned()
}

/// Goes to a file of another manifest while this one's come in name order; `at` is the first one that was not passed yet.
fn find(prior: &Manifest, at: &mut usize, file: &FileRef<'_>) -> bool {
    while *at < prior.files.len() {
        match prior.files.name(*at).cmp(&file.name) {
            Ordering::Less => *at += 1,
            Ordering::Equal => return true,
            Ordering::Greater => return false,
        }
    }
    false
}
