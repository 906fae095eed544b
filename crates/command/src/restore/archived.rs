//! The WAL that recovery can be given: what the archives of all repositories hold of the timelines it will follow.
//!
//! As `archive-get` looks for it: in each repository, in every archive of a cluster with this version and system id. Only
//! names and times are read, and only of directories that the backup or what follows it can need.

use std::collections::BTreeMap;
use std::io::Read;

use pgkeep_pipeline::{Pipeline, RunningReader};
use pgkeep_postgres::WalSegment;
use pgkeep_postgres::timeline::TimelineId;
use pgkeep_repo::archive::{StoredSegment, is_wal_directory};
use pgkeep_repo::{ArchiveId, ArchiveInfo, Manifest, Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, ReadOptions};
use secrecy::SecretString;

use super::settings::Settings;
use super::timeline::Line;
use crate::error::{ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::run::Context;
use crate::wal::archive::{Stored, WalArchive, WalDirectory};
use crate::wal::window::SEGMENT_SIZE;

const BUFFER: usize = 256 * 1024;
/// Larger segments are not read for the times in them.
const READ_MOST: u32 = 64 << 20;

/// One archive of one repository.
#[derive(Debug)]
struct Archive {
    repository: Repository,
    id: ArchiveId,
    pass: Option<SecretString>,
}

/// A stored segment.
#[derive(Debug)]
struct Place {
    /// Index of its archive.
    archive: usize,
    stored: StoredSegment,
    /// When it was stored, seconds since 1970.
    at: i64,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Archived {
    stanza: Stanza,
    archives: Vec<Archive>,
    /// Bytes of a segment.
    pub segment_size: u32,
    segments: BTreeMap<(TimelineId, u64), Place>,
    /// Repositories that could not be read, with the reason: more may be there than is known.
    pub unread: Vec<String>,
}

impl Archived {
    /// Asks all repositories.
    ///
    /// # Errors
    /// [`ErrorCode::Term`]; a repository that cannot be read is only noted.
    pub(super) fn ask(
        context: &Context,
        settings: &Settings,
        manifest: &Manifest,
        line: &Line,
        start: WalSegment,
    ) -> Result<Self> {
        let mut found = Self {
            stanza: settings.stanza.clone(),
            archives: Vec::new(),
            segment_size: SEGMENT_SIZE,
            segments: BTreeMap::new(),
            unread: Vec::new(),
        };
        let mut listed = Vec::new();
        let mut size = None;
        for key in repository::keys(&context.config) {
            context.cancel.check()?;
            match found.add_repository(context, settings, manifest, (line, start), key, &mut size) {
                Ok(segments) => listed.extend(segments),
                Err(error) if error.code == ErrorCode::Term => return Err(error),
                Err(error) => found
                    .unread
                    .push(format!("repo{key}: {}", error.named_text())),
            }
        }
        found.segment_size = size.unwrap_or(SEGMENT_SIZE);
        for (segment, place) in listed {
            let number = found.number(segment);
            found
                .segments
                .entry((segment.timeline, number))
                .or_insert(place);
        }
        Ok(found)
    }

    /// Adds the archives of one repository; the value is its segments.
    fn add_repository(
        &mut self,
        context: &Context,
        settings: &Settings,
        manifest: &Manifest,
        (line, start): (&Line, WalSegment),
        key: u32,
        size: &mut Option<u32>,
    ) -> Result<Vec<(WalSegment, Place)>> {
        let repository = repository::open(context, key)?;
        let pass = repository.pass.as_ref();
        let info = ArchiveInfo::load(&*repository.storage, &settings.stanza, pass)?;
        let mut all = Vec::new();
        let same = info.history.entries().iter().filter(|entry| {
            entry.system_id == manifest.pg.system_id && entry.version == manifest.pg.version
        });
        for entry in same {
            let archive = Archive {
                repository: repository.clone(),
                id: entry.archive_id(),
                pass: info.cipher_pass.clone(),
            };
            let directories = list(context, settings, &archive, line, start)?;
            if size.is_none()
                && let Some(last) = directories.iter().rfind(|one| !one.segments.is_empty())
            {
                let storage = &*archive.repository.storage;
                let id = archive.id.clone();
                let mut wal = WalArchive::new(storage, &settings.stanza, id, archive.pass.as_ref());
                wal.version_force = settings.version_force;
                *size = wal.segment_size(last)?;
            }
            let index = self.archives.len();
            self.archives.push(archive);
            for stored in directories.into_iter().flat_map(|one| one.segments) {
                if let Ok(segment) = stored.segment.segment().parse() {
                    let place = Place {
                        archive: index,
                        stored: stored.segment,
                        at: stored.at,
                    };
                    all.push((segment, place));
                }
            }
        }
        Ok(all)
    }

    /// How many segments lie before one.
    pub(super) fn number(&self, segment: WalSegment) -> u64 {
        segment.start(self.segment_size).0 / u64::from(self.segment_size)
    }

    /// The first segment of a timeline that is there, from this number on.
    pub(super) fn first_from(&self, timeline: TimelineId, number: u64) -> Option<u64> {
        let mut range = self
            .segments
            .range((timeline, number)..=(timeline, u64::MAX));
        range.next().map(|((_, number), _)| *number)
    }

    /// When a segment was stored, seconds since 1970.
    pub(super) fn stored(&self, timeline: TimelineId, number: u64) -> Option<i64> {
        self.segments.get(&(timeline, number)).map(|place| place.at)
    }

    /// Reads a segment, as the server would get it; `None` where it is not there, too large, or cannot be read.
    ///
    /// # Errors
    /// [`ErrorCode::Term`].
    pub(super) fn read(
        &self,
        context: &Context,
        timeline: TimelineId,
        number: u64,
    ) -> Result<Option<Vec<u8>>> {
        context.cancel.check()?;
        let Some(place) = self.segments.get(&(timeline, number)) else {
            return Ok(None);
        };
        if self.segment_size > READ_MOST {
            return Ok(None);
        }
        let archive = &self.archives[place.archive];
        let storage = &*archive.repository.storage;
        let wal = WalArchive::new(
            storage,
            &self.stanza,
            archive.id.clone(),
            archive.pass.as_ref(),
        );
        let path = layout::archive_file(&self.stanza, &archive.id, &place.stored.to_string());
        let read = || -> Result<Vec<u8>> {
            let read = storage.open_read(&path, &ReadOptions::default())?;
            let running = Pipeline::new(wal.unpack(&place.stored).stages()).start(BUFFER);
            let mut bytes = Vec::new();
            RunningReader::new(read, running, BUFFER)
                .take(u64::from(self.segment_size))
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => {
                context.cancel.check()?;
                crate::detail!(
                    "unable to read '{}': {}",
                    storage.display(&path),
                    error.text()
                );
                Ok(None)
            }
        }
    }
}

/// Lists the directories of one archive that recovery from `start` can need.
fn list(
    context: &Context,
    settings: &Settings,
    archive: &Archive,
    line: &Line,
    start: WalSegment,
) -> Result<Vec<WalDirectory>> {
    let storage = &*archive.repository.storage;
    let options = |level| ListOptions { level, sort: true };
    let on_line = |timeline: u32| {
        line.from.0 == timeline
            || line.to.0 == timeline
            || line.history.iter().any(|item| item.timeline.0 == timeline)
    };
    let needed = |name: &str| {
        let part = |at: usize| u32::from_str_radix(name.get(at..at + 8)?, 16).ok();
        is_wal_directory(name)
            && part(0).is_some_and(on_line)
            && part(8).is_some_and(|log| log >= start.log)
    };
    let path = layout::archive_id_path(&settings.stanza, &archive.id);
    let names = storage
        .list(&path, &options(InfoLevel::Exists))?
        .unwrap_or_default();
    let mut directories = Vec::new();
    for name in names.iter().map(|info| info.name.to_string()) {
        if !needed(&name) {
            continue;
        }
        context.cancel.check()?;
        let path = layout::wal_path(&settings.stanza, &archive.id, &name);
        let files = storage
            .list(&path, &options(InfoLevel::Basic))?
            .unwrap_or_default();
        let segments = files.into_iter().filter_map(|info| {
            let segment = StoredSegment::parse(&info.name.to_string())?;
            (!segment.is_partial()).then_some(Stored {
                segment,
                size: info.size,
                at: info.modified,
            })
        });
        let segments = segments.collect();
        directories.push(WalDirectory { name, segments });
    }
    Ok(directories)
}
