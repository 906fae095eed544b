//! The WAL of one archive: which segments there are, in which runs without a gap, and the files to verify.

use std::collections::BTreeMap;

use pgkeep_postgres::WalSegment;
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::layout;
use pgkeep_storage::StoragePath;

use super::file::{Item, Owner};
use super::findings::Findings;
use super::result::ArchiveResult;
use crate::error::{ErrorCode, Result};
use crate::hosts::repository::measured::file::StoredFile;
use crate::wal::archive::{Stored, WalArchive, WalDirectory};
use crate::wal::window::SEGMENT_SIZE;

/// The WAL of a backup: first and last segment; `None`: no WAL at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WalRange(pub Option<(String, String)>);

impl WalRange {
    pub(super) fn holds(&self, segment: &str) -> bool {
        self.0
            .as_ref()
            .is_some_and(|(start, stop)| segment >= start.as_str() && segment <= stop.as_str())
    }
}

/// One archive that is being verified.
pub(super) struct WalWork<'a>(pub WalArchive<'a>);

impl WalWork<'_> {
    /// Files of the next directory; `None` when there is none left. `at` is the position of `result`.
    pub(super) fn next(
        &mut self,
        result: &mut ArchiveResult,
        at: usize,
        findings: &mut Findings,
    ) -> Result<Option<Vec<Item>>> {
        let Some(directory) = self.0.directories.pop_front() else {
            return Ok(None);
        };
        if !directory.segments.is_empty() && result.wal.segment_size.is_none() {
            result.wal.segment_size = self.0.segment_size(&directory)?;
        }
        result.checked += directory.segments.len() as u64;
        let single = self.without_duplicates(result, &directory, findings);
        if single.is_empty() {
            crate::detail!(
                "path '{}/{}' does not contain any valid WAL to be processed",
                result.id,
                directory.name
            );
        }
        let mut items = Vec::with_capacity(single.len());
        for Stored {
            segment,
            size,
            at: stored_at,
        } in single
        {
            extend_runs(
                &mut result.runs,
                segment.segment(),
                result.wal.segment_size.unwrap_or(SEGMENT_SIZE),
            );
            if let Ok(sound) = segment.segment().parse() {
                // Until it turns out to be damaged.
                result.wal.add(sound, *stored_at);
            }
            items.push(Item {
                owner: Owner::Archive(at),
                position: items.len() as u64,
                file: StoredFile {
                    path: layout::archive_file(self.0.stanza, &result.id, &segment.to_string()),
                    slice: None,
                    stored: Some(*size),
                    unpack: Some(self.0.unpack(segment)),
                },
                stored: *size,
                checksum: segment.checksum.parse().ok(),
                size: result.wal.segment_size.map(u64::from),
            });
        }
        Ok(Some(items))
    }

    /// Segments that are stored once; of the others nobody knows which is right.
    fn without_duplicates<'d>(
        &self,
        result: &mut ArchiveResult,
        directory: &'d WalDirectory,
        findings: &mut Findings,
    ) -> Vec<&'d Stored> {
        let mut by_segment: BTreeMap<&str, Vec<&Stored>> = BTreeMap::new();
        for stored in &directory.segments {
            by_segment
                .entry(stored.segment.segment())
                .or_default()
                .push(stored);
        }
        let mut single = Vec::new();
        for (segment, mut files) in by_segment {
            if files.len() > 1 {
                log::info!(
                    "duplicate WAL '{segment}' for '{}' exists, skipping",
                    result.id
                );
                findings.add(ErrorCode::ArchiveDuplicate);
                result.duplicates.push(segment.to_owned());
            } else {
                single.append(&mut files);
            }
        }
        single
    }
}

/// The segment that a file of the archive holds.
pub(super) fn segment_of(path: &StoragePath) -> Option<WalSegment> {
    let name = String::from_utf8_lossy(path.file_name()).into_owned();
    StoredSegment::parse(&name)?.segment().parse().ok()
}

/// Continues the last run if the segment follows it, or begins a new one.
fn extend_runs(runs: &mut Vec<(String, String)>, segment: &str, segment_size: u32) {
    let follows = |stop: &str| {
        stop[..8] == segment[..8]
            && stop
                .parse::<WalSegment>()
                .is_ok_and(|stop| stop.next(segment_size).to_string() == segment)
    };
    match runs.last_mut() {
        Some((_, stop)) if follows(stop) => segment.clone_into(stop),
        _ => runs.push((segment.to_owned(), segment.to_owned())),
    }
}
