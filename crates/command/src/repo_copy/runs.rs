//! Whether the source has a run of WAL without a gap.

use std::collections::BTreeMap;

use pgkeep_postgres::WalSegment;
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::{ArchiveId, layout};
use pgkeep_storage::{FileInfo, ListOptions};

use super::plan::ArchivePlan;
use super::settings::Settings;
use super::sides::Sides;
use crate::error::Result;
use crate::wal::archive::{Stored, WalArchive, WalDirectory};
use crate::wal::window::SEGMENT_SIZE;

/// The sizes of segments that were asked for.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<ArchiveId, u32>);

impl Runs {
    /// The first segment between these that the source does not have.
    ///
    /// # Errors
    /// When it is out of reach.
    pub(super) fn missing(
        &mut self,
        settings: &Settings,
        sides: &Sides,
        (id, archive): (&ArchiveId, &ArchivePlan),
        start: &str,
        stop: &str,
    ) -> Result<Option<String>> {
        let (Ok(mut segment), Ok(last)) = (start.parse::<WalSegment>(), stop.parse::<WalSegment>())
        else {
            return Ok(None);
        };
        if !archive.segments.contains(start) {
            return Ok(Some(start.to_owned()));
        }
        let size = match self.0.get(id) {
            Some(size) => *size,
            None => segment_size(settings, sides, id, start)?,
        };
        self.0.insert(id.clone(), size);
        // It ends at the first that is not there, so whatever a manifest says it takes no more steps than there are segments.
        while segment < last {
            segment = segment.next(size);
            let name = segment.to_string();
            if !archive.segments.contains(&name) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// As the headers of segments beside this one say.
fn segment_size(settings: &Settings, sides: &Sides, id: &ArchiveId, segment: &str) -> Result<u32> {
    let (from, stanza) = (&*sides.from.storage, &settings.stanza);
    let pass = sides.source.archive.cipher_pass.as_ref();
    let archive = WalArchive::new(from, stanza, id.clone(), pass);
    let name = segment[..16].to_owned();
    let directory = layout::wal_path(stanza, id, &name);
    let listed = from.list(&directory, &ListOptions::default())?;
    let stored = |info: &FileInfo| {
        let segment = StoredSegment::parse(&info.name.to_string())?;
        (!segment.is_partial()).then_some(Stored {
            segment,
            size: info.size,
            at: info.modified,
        })
    };
    let segments = listed.iter().flatten().filter_map(stored).collect();
    let size = archive.segment_size(&WalDirectory { name, segments })?;
    Ok(size.unwrap_or(SEGMENT_SIZE))
}
