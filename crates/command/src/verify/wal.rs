//! The WAL of one archive: which segments there are, in which runs without a gap, and the files to verify.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use pgkeep_pipeline::{CompressType, Pipeline, RunningReader, Stage};
use pgkeep_postgres::WalSegment;
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_repo::archive::{StoredSegment, is_wal_directory};
use pgkeep_repo::{ArchiveId, layout};
use pgkeep_storage::{InfoLevel, ListOptions, ReadOptions, StoragePath};
use secrecy::SecretString;

use super::file::{Item, Owner};
use super::findings::Findings;
use super::info::ends_the_run;
use super::result::ArchiveResult;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::runtime::Repository;

/// Bytes of a segment unless the cluster was made with another size.
const SEGMENT_SIZE: u32 = 16 << 20;
/// How many segments are asked for the size before the usual is taken.
const ASKED: usize = 4;

/// The WAL of a backup: first and last segment; `None`: no WAL at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WalRange(pub Option<(String, String)>);

impl WalRange {
    fn holds(&self, segment: &str) -> bool {
        self.0
            .as_ref()
            .is_some_and(|(start, stop)| segment >= start.as_str() && segment <= stop.as_str())
    }
}

/// A directory of WAL with its segments, sorted by name, and their stored sizes.
#[derive(Debug)]
pub(super) struct WalDirectory {
    pub name: String,
    pub segments: Vec<(StoredSegment, u64)>,
}

/// One archive that is being verified.
pub(super) struct WalWork<'a> {
    pub repository: &'a Repository,
    pub settings: &'a Settings,
    pub pass: Option<&'a SecretString>,
    pub directories: VecDeque<WalDirectory>,
}

/// Lists the segments of an archive; with `range` only those in it.
pub(super) fn list(
    repository: &Repository,
    settings: &Settings,
    id: &ArchiveId,
    range: Option<&WalRange>,
) -> Result<VecDeque<WalDirectory>> {
    let storage = &*repository.storage;
    let names = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
        ..ListOptions::default()
    };
    let found = storage
        .list(&layout::archive_id_path(&settings.stanza, id), &names)?
        .unwrap_or_default();
    let mut directories = VecDeque::new();
    for name in found
        .into_iter()
        .map(|info| info.name.to_string())
        .filter(|name| is_wal_directory(name))
    {
        let sizes = ListOptions {
            level: InfoLevel::Basic,
            sort: true,
            ..ListOptions::default()
        };
        let files = storage
            .list(&layout::wal_path(&settings.stanza, id, &name), &sizes)?
            .unwrap_or_default();
        let segments = files
            .into_iter()
            .filter_map(|info| Some((StoredSegment::parse(&info.name.to_string())?, info.size)))
            .filter(|(stored, _)| {
                !stored.is_partial() && range.is_none_or(|range| range.holds(stored.segment()))
            })
            .collect();
        directories.push_back(WalDirectory { name, segments });
    }
    Ok(directories)
}

impl WalWork<'_> {
    /// Files of the next directory; `None` when there is none left. `at` is the position of `result`.
    pub(super) fn next(
        &mut self,
        result: &mut ArchiveResult,
        at: usize,
        findings: &mut Findings,
    ) -> Result<Option<Vec<Item>>> {
        let Some(directory) = self.directories.pop_front() else {
            return Ok(None);
        };
        if !directory.segments.is_empty() && result.segment_size.is_none() {
            result.segment_size = self.segment_size(&result.id, &directory)?;
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
        for (stored, size) in single {
            extend_runs(
                &mut result.runs,
                stored.segment(),
                result.segment_size.unwrap_or(SEGMENT_SIZE),
            );
            items.push(Item {
                owner: Owner::Archive(at),
                path: layout::archive_file(&self.settings.stanza, &result.id, &stored.to_string()),
                slice: None,
                stored: *size,
                stages: self.stages(stored),
                checksum: stored.checksum.parse().ok(),
                size: result.segment_size.map(u64::from),
            });
        }
        Ok(Some(items))
    }

    fn stages(&self, stored: &StoredSegment) -> Vec<Stage> {
        let mut stages = Vec::new();
        stages.extend(self.pass.map(|pass| Stage::Decrypt {
            pass: pass.clone(),
            raw: false,
        }));
        let kind = CompressType::from_extension(&stored.extension);
        if kind != CompressType::None {
            stages.push(Stage::Decompress { kind, raw: false });
        }
        stages
    }

    /// Segments that are stored once; of the others nobody knows which is right.
    fn without_duplicates<'d>(
        &self,
        result: &ArchiveResult,
        directory: &'d WalDirectory,
        findings: &mut Findings,
    ) -> Vec<&'d (StoredSegment, u64)> {
        let mut by_segment: BTreeMap<&str, Vec<&(StoredSegment, u64)>> = BTreeMap::new();
        for stored in &directory.segments {
            by_segment
                .entry(stored.0.segment())
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
            } else {
                single.append(&mut files);
            }
        }
        single
    }

    /// The size of segments, from the first that says. A damaged one is found by its checksum; here the next is asked.
    fn segment_size(&self, id: &ArchiveId, directory: &WalDirectory) -> Result<Option<u32>> {
        for (stored, _) in directory.segments.iter().take(ASKED) {
            let path = layout::archive_file(&self.settings.stanza, id, &stored.to_string());
            match self.header(stored, &path) {
                Ok(header) => return Ok(Some(header.segment_size)),
                Err(error) if ends_the_run(&error) => return Err(error),
                Err(error) => {
                    crate::detail!("unable to read the header of '{path}': {}", error.text())
                }
            }
        }
        Ok(None)
    }

    fn header(&self, stored: &StoredSegment, path: &StoragePath) -> Result<WalHeader> {
        let options = ReadOptions {
            expect: Some(HEADER_SIZE as u64),
            ..ReadOptions::default()
        };
        let read = self.repository.storage.open_read(path, &options)?;
        let running = Pipeline::new(self.stages(stored)).start(HEADER_SIZE);
        let mut header = Vec::with_capacity(HEADER_SIZE);
        RunningReader::new(read, running, 64 * 1024)
            .take(HEADER_SIZE as u64)
            .read_to_end(&mut header)
            .map_err(Error::from)?;
        Ok(WalHeader::parse(&header, self.settings.version_force)?)
    }
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
