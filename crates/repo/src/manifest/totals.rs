//! What `backup.info` says of a backup, added up over the files of its manifest (`docs/format/info-files.md`).

use super::file::PageCheck;
use super::{Manifest, PageRange};
use crate::backup_info::{BackupEntry, MapSize};
use crate::backup_type::BackupType;
use crate::error::{Error, Result};
use crate::info_file;

/// Sums over files, bytes; `delta` counts only files that this backup stores itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub size: u64,
    pub size_delta: u64,
    pub repo_size: u64,
    pub repo_size_delta: u64,
    pub map_size: u64,
    pub map_size_delta: u64,
    /// Number of files with page errors.
    pub error_files: u64,
}

impl Manifest {
    /// Adds up all files.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for file in self.files() {
            // A file of nothing may have stored bytes; a file with bytes always has: 0 means that it is not known yet.
            let repo_size = if file.repo_size > 0 {
                file.repo_size
            } else {
                file.size
            };
            let add = |sum: &mut u64, value: u64| *sum = sum.saturating_add(value);
            add(&mut totals.size, file.size);
            add(&mut totals.repo_size, repo_size);
            add(&mut totals.map_size, file.block_map_size());
            if file.reference.is_none() {
                add(&mut totals.size_delta, file.size);
                add(&mut totals.repo_size_delta, repo_size);
                add(&mut totals.map_size_delta, file.block_map_size());
            }
            totals.error_files += u64::from(matches!(file.page_check, PageCheck::Invalid(_)));
        }
        totals
    }

    /// The entry of this backup for `backup.info`. Fails when the backup has no label or times before 1970.
    pub fn backup_entry(&self) -> Result<BackupEntry> {
        let backup = &self.backup;
        let label = backup
            .label
            .clone()
            .ok_or_else(|| Error::format("manifest has no backup label"))?;
        let time = |time: i64| {
            u64::try_from(time).map_err(|_| Error::format(format!("invalid timestamp {time}")))
        };
        let totals = self.totals();
        let references = (backup.backup_type != BackupType::Full).then(|| {
            let mut references: Vec<_> = self
                .references
                .iter()
                .filter(|other| **other != label)
                .cloned()
                .collect();
            references.sort();
            references
        });
        Ok(BackupEntry {
            format: info_file::FORMAT as u32,
            version: self.version.clone(),
            annotations: self.annotations.clone(),
            archive_start: backup.archive_start.clone(),
            archive_stop: backup.archive_stop.clone(),
            error: Some(totals.error_files > 0),
            repo_size: totals.repo_size,
            repo_size_delta: totals.repo_size_delta,
            repo_size_map: backup.block_incr.then_some(MapSize {
                all: totals.map_size,
                delta: totals.map_size_delta,
            }),
            size: totals.size,
            size_delta: totals.size_delta,
            lsn_start: backup.lsn_start.clone(),
            lsn_stop: backup.lsn_stop.clone(),
            prior: backup
                .prior
                .clone()
                .filter(|_| backup.backup_type != BackupType::Full),
            references,
            timestamp_start: time(backup.timestamp_start)?,
            timestamp_stop: time(backup.timestamp_stop)?,
            backup_type: backup.backup_type,
            pg_id: self.pg.id,
            option_archive_check: self.options.archive_check,
            option_archive_copy: self.options.archive_copy,
            option_backup_standby: self.options.backup_standby.unwrap_or(false),
            option_checksum_page: self.options.checksum_page.unwrap_or(false),
            option_compress: self.options.compress_type != pgkeep_pipeline::CompressType::None,
            option_hardlink: self.options.hardlink,
            option_online: self.options.online,
            label,
        })
    }
}

/// Merges page numbers (ascending) into ranges, as the manifest lists them.
#[must_use]
pub fn merge_pages(pages: impl IntoIterator<Item = u64>) -> Box<[PageRange]> {
    let mut ranges: Vec<PageRange> = Vec::new();
    for page in pages {
        match ranges.last_mut() {
            Some(range) if range.last.checked_add(1) == Some(page) => range.last = page,
            _ => ranges.push(PageRange {
                first: page,
                last: page,
            }),
        }
    }
    ranges.into()
}
