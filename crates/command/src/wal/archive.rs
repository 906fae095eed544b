//! One archive of a repository: its segments, the size of a segment, and the history files of its timelines.
//!
//! Reads names and single headers, never whole segments: that is `verify`'s work.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use pgkeep_pipeline::{CompressType, Pipeline, RunningReader, Stage};
use pgkeep_postgres::PgVersion;
use pgkeep_postgres::timeline::{TimelineId, TimelineSwitch, parse_history};
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_repo::archive::{StoredSegment, history_timeline, is_wal_directory};
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::{
    FileType, InfoLevel, ListOptions, PipelineRead, ReadOptions, Storage, StoragePath,
};
use secrecy::SecretString;

use crate::error::{Error, Result};
use crate::hosts::repository::measured::file::{KeyOf, Unpack};
use crate::wal::window::Wal;

/// How many segments of a directory, and how many directories, are asked for the size before the usual is taken.
const ASKED: usize = 4;
/// History files are a few lines; more than this is something else.
const HISTORY_LIMIT: u64 = 1 << 20;
const HISTORIES_AT_ONCE: usize = 32;
const BUFFER: usize = 64 * 1024;

/// A segment in the repository.
#[derive(Debug)]
pub struct Stored {
    pub segment: StoredSegment,
    /// Bytes as stored.
    pub size: u64,
    /// When it was stored, seconds since 1970.
    pub at: i64,
}

/// A directory of WAL with its segments, sorted by name.
#[derive(Debug)]
pub struct WalDirectory {
    pub name: String,
    pub segments: Vec<Stored>,
}

/// One archive, listed.
#[derive(Debug)]
pub struct WalArchive<'a> {
    pub storage: &'a dyn Storage,
    pub stanza: &'a Stanza,
    pub id: ArchiveId,
    /// Pass-phrase of the archive's files.
    pub pass: Option<&'a SecretString>,
    /// Take every cluster for one of this version.
    pub version_force: Option<PgVersion>,
    pub directories: VecDeque<WalDirectory>,
    /// Timelines that have a history file.
    pub timelines: Vec<TimelineId>,
}

impl<'a> WalArchive<'a> {
    #[must_use]
    pub fn new(
        storage: &'a dyn Storage,
        stanza: &'a Stanza,
        id: ArchiveId,
        pass: Option<&'a SecretString>,
    ) -> Self {
        Self {
            storage,
            stanza,
            id,
            pass,
            version_force: None,
            directories: VecDeque::new(),
            timelines: Vec::new(),
        }
    }

    /// Lists the archive and keeps whole segments that are `wanted` by name.
    ///
    /// # Errors
    /// When the repository cannot be listed.
    pub fn list(&mut self, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
        let mut directories: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
        // As a tree: a storage behind a slow network lists many directories at once.
        let options = ListOptions {
            level: InfoLevel::Basic,
            ..ListOptions::default()
        };
        let path = layout::archive_id_path(self.stanza, &self.id);
        let timelines = &mut self.timelines;
        self.storage.list_tree(&path, &options, &mut |info| {
            let name = info.name.to_string();
            match name.split_once('/') {
                None if is_wal_directory(&name) && info.kind != FileType::File => {
                    directories.entry(name).or_default();
                }
                None => timelines.extend(
                    history_timeline(&name)
                        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                        .map(TimelineId),
                ),
                Some((directory, file)) => {
                    let found = StoredSegment::parse(file)
                        .filter(|stored| !stored.is_partial() && wanted(stored.segment()));
                    if let Some((segment, segments)) = found.zip(directories.get_mut(directory)) {
                        segments.push(Stored {
                            segment,
                            size: info.size,
                            at: info.modified,
                        });
                    }
                }
            }
            Ok(())
        })?;
        self.timelines.sort();
        self.directories = directories
            .into_iter()
            .map(|(name, mut segments)| {
                segments.sort_by_cached_key(|stored| stored.segment.to_string());
                WalDirectory { name, segments }
            })
            .collect();
        Ok(())
    }

    /// All that is listed, taken for sound.
    ///
    /// # Errors
    /// When the repository is out of reach.
    pub fn unverified(&self) -> Result<Wal> {
        let mut wal = Wal::default();
        let directories = self
            .directories
            .iter()
            .filter(|one| !one.segments.is_empty());
        for directory in directories.take(ASKED) {
            wal.segment_size = self.segment_size(directory)?;
            if wal.segment_size.is_some() {
                break;
            }
        }
        for stored in self.directories.iter().flat_map(|one| &one.segments) {
            if let Ok(segment) = stored.segment.segment().parse() {
                wal.add(segment, stored.at);
            }
        }
        wal.histories = self.histories()?;
        Ok(wal)
    }

    /// How the content of a segment comes out of its stored bytes.
    #[must_use]
    pub fn unpack(&self, stored: &StoredSegment) -> Unpack {
        Unpack {
            key: KeyOf::Archive,
            compress: CompressType::from_extension(&stored.extension),
            pass: self.pass.cloned(),
        }
    }

    /// The size of segments, from the first that says. A damaged one is found by its checksum; here the next is asked.
    ///
    /// # Errors
    /// When the repository is out of reach.
    pub fn segment_size(&self, directory: &WalDirectory) -> Result<Option<u32>> {
        for stored in directory.segments.iter().take(ASKED) {
            let stored = &stored.segment;
            let path = layout::archive_file(self.stanza, &self.id, &stored.to_string());
            match self.header(stored, &path) {
                Ok(header) => return Ok(Some(header.segment_size)),
                Err(error) if error.is_about_the_storage() => return Err(error),
                Err(error) => {
                    crate::detail!("unable to read the header of '{path}': {}", error.text())
                }
            }
        }
        Ok(None)
    }

    /// Reads the history files of all timelines. One that cannot be read only hides what branched off.
    ///
    /// # Errors
    /// When the repository is out of reach.
    pub fn histories(&self) -> Result<BTreeMap<TimelineId, Vec<TimelineSwitch>>> {
        let path = |timeline: TimelineId| {
            layout::archive_file(self.stanza, &self.id, &timeline.history_name())
        };
        let options = ReadOptions {
            expect: Some(HISTORY_LIMIT),
            lazy_open: true,
            ..ReadOptions::default()
        };
        let mut found = BTreeMap::new();
        for group in self.timelines.chunks(HISTORIES_AT_ONCE) {
            // All are asked for before the first is read.
            let opened: Vec<_> = group
                .iter()
                .map(|timeline| self.storage.open_read(&path(*timeline), &options))
                .collect();
            for (timeline, read) in group.iter().zip(opened) {
                match read
                    .map_err(Error::from)
                    .and_then(|read| self.history(read))
                {
                    Ok(history) => {
                        found.insert(*timeline, history);
                    }
                    Err(error) if error.is_about_the_storage() => return Err(error),
                    Err(error) => {
                        crate::detail!("unable to read '{}': {}", path(*timeline), error.text())
                    }
                }
            }
        }
        Ok(found)
    }

    fn history(&self, read: Box<dyn PipelineRead>) -> Result<Vec<TimelineSwitch>> {
        let decrypt = self.pass.cloned();
        let decrypt = decrypt.map(|pass| Stage::Decrypt { pass, raw: false });
        let stages = decrypt.into_iter().collect();
        let running = Pipeline::new(stages).start(BUFFER);
        let mut text = Vec::new();
        RunningReader::new(read, running, BUFFER)
            .take(HISTORY_LIMIT)
            .read_to_end(&mut text)?;
        Ok(parse_history(&String::from_utf8_lossy(&text))?)
    }

    fn header(&self, stored: &StoredSegment, path: &StoragePath) -> Result<WalHeader> {
        let options = ReadOptions {
            expect: Some(HEADER_SIZE as u64),
            ..ReadOptions::default()
        };
        let read = self.storage.open_read(path, &options)?;
        let running = Pipeline::new(self.unpack(stored).stages()).start(HEADER_SIZE);
        let mut header = Vec::with_capacity(HEADER_SIZE);
        RunningReader::new(read, running, BUFFER)
            .take(HEADER_SIZE as u64)
            .read_to_end(&mut header)
            .map_err(Error::from)?;
        Ok(WalHeader::parse(&header, self.version_force)?)
    }
}
