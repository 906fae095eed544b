//! Whether there is a run of WAL without a gap.

use std::collections::{BTreeMap, BTreeSet};

use pgkeep_postgres::WalSegment;
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::{FileInfo, InfoLevel, ListOptions, Storage};
use secrecy::SecretString;

use crate::error::Result;
use crate::wal::archive::{Stored, WalArchive, WalDirectory};
use crate::wal::window::SEGMENT_SIZE;

/// A repository whose WAL can be read.
#[derive(Clone, Copy)]
pub(super) struct Readable<'a> {
    pub storage: &'a dyn Storage,
    pub pass: Option<&'a SecretString>,
}

/// The sizes of segments that were asked for.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<ArchiveId, u32>);

impl Runs {
    /// The first segment between these that is not there, as `has` says. `from`: where it may be read how large they are.
    ///
    /// # Errors
    /// That of `has`, or a repository out of reach.
    pub(super) fn missing(
        &mut self,
        (stanza, id): (&Stanza, &ArchiveId),
        from: &[Readable<'_>],
        (start, stop): &(String, String),
        has: &mut dyn FnMut(&str) -> Result<bool>,
    ) -> Result<Option<String>> {
        let (Ok(mut segment), Ok(last)) = (start.parse::<WalSegment>(), stop.parse::<WalSegment>())
        else {
            return Ok(None);
        };
        if !has(start)? {
            return Ok(Some(start.clone()));
        }
        let size = match self.0.get(id) {
            Some(size) => *size,
            None => segment_size((stanza, id), from, start)?,
        };
        self.0.insert(id.clone(), size);
        // It ends at the first that is not there, so whatever a manifest says it takes no more steps than there are segments.
        while segment < last {
            segment = segment.next(size);
            let name = segment.to_string();
            if !has(&name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// As the headers of segments beside this one say.
fn segment_size(
    (stanza, id): (&Stanza, &ArchiveId),
    from: &[Readable<'_>],
    segment: &str,
) -> Result<u32> {
    for one in from {
        let archive = WalArchive::new(one.storage, stanza, id.clone(), one.pass);
        let name = segment[..16].to_owned();
        let directory = layout::wal_path(stanza, id, &name);
        let listed = one.storage.list(&directory, &ListOptions::default())?;
        let stored = |info: &FileInfo| {
            let segment = StoredSegment::parse(&info.name.to_string())?;
            (!segment.is_partial()).then_some(Stored {
                segment,
                size: info.size,
                at: info.modified,
            })
        };
        let segments = listed.iter().flatten().filter_map(stored).collect();
        if let Some(size) = archive.segment_size(&WalDirectory { name, segments })? {
            return Ok(size);
        }
    }
    Ok(SEGMENT_SIZE)
}

/// The segments that an archive has now, looked up directory by directory.
pub(super) struct Present<'a> {
    storage: &'a dyn Storage,
    stanza: &'a Stanza,
    id: &'a ArchiveId,
    directories: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Present<'a> {
    pub(super) fn new(storage: &'a dyn Storage, stanza: &'a Stanza, id: &'a ArchiveId) -> Self {
        Self {
            storage,
            stanza,
            id,
            directories: BTreeMap::new(),
        }
    }

    /// Whether it has this segment, of whatever content.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn has(&mut self, segment: &str) -> Result<bool> {
        let directory = segment.get(..16).unwrap_or(segment);
        if !self.directories.contains_key(directory) {
            let options = ListOptions {
                level: InfoLevel::Exists,
                ..ListOptions::default()
            };
            let path = layout::wal_path(self.stanza, self.id, directory);
            let listed = self.storage.list(&path, &options)?.unwrap_or_default();
            let name = |info: &FileInfo| {
                let stored = StoredSegment::parse(&info.name.to_string())?;
                (!stored.is_partial()).then_some(stored.name)
            };
            let names = listed.iter().filter_map(name).collect();
            self.directories.insert(directory.to_owned(), names);
        }
        Ok(self.directories[directory].contains(segment))
    }
}
