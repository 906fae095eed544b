//! WAL that was stored after the backup from which on WAL is kept, and lies before the WAL that this backup needs.
//!
//! Where another account adds, the first segment of a backup is a claim (decision 18). Whoever has stolen the key can store a segment
//! of any name, and a backup that begins with it: all that the cluster archives from then on would lie before it. When the server
//! has stored something is what that account cannot choose. So what came later stays.

use pgkeep_repo::retention::{KeepRange, KeepRanges};
use pgkeep_repo::{ArchiveId, BackupLabel, archive, layout};
use pgkeep_storage::{FileInfo, InfoLevel, ListOptions, Storage, StoragePath};

use super::Expire;
use super::beside::join;
use crate::error::Result;

/// Directories that are listed at the same time where that is mostly waiting.
const AT_ONCE: usize = 16;

impl Expire<'_> {
    /// Adds to the ranges what was stored after that backup. `found`: the names in the directory of the archive.
    pub(super) fn keep_late_wal(
        &self,
        id: &ArchiveId,
        keep: &mut KeepRanges,
        found: &[String],
    ) -> Result<()> {
        let (storage, stanza) = (self.storage(), self.stanza());
        let Some((label, start)) = first_kept(keep) else {
            return Ok(());
        };
        let manifest = storage.info(&layout::manifest(stanza, &label), InfoLevel::Basic)?;
        let Some(manifest) = manifest else {
            return Ok(());
        };
        let directories: Vec<StoragePath> = found
            .iter()
            .filter(|name| archive::is_wal_directory(name))
            .filter(|name| !keep.keeps_directory(name) || keep.needs_listing(name))
            .map(|name| layout::wal_path(stanza, id, name))
            .collect();
        let mut first: Option<String> = None;
        for group in directories.chunks(AT_ONCE) {
            self.context.cancel.check()?;
            let late = listed(storage, group)?
                .into_iter()
                .filter(|info| info.modified > manifest.modified)
                .map(|info| info.name.to_string())
                .filter(|name| archive::wal_directory(name).is_some() && !keep.keeps_file(name))
                .map(|name| name[..24].to_owned())
                .min();
            first = [first, late].into_iter().flatten().min();
        }
        if let Some(first) = first {
            log::warn!(
                "{}: {id} WAL from segment {first} on was stored after backup {label}, which begins with segment {start}: it stays\n\
                 HINT: if you do not know backup {label}, remove it: repo-rm --recurse {}",
                self.name,
                layout::set_path(stanza, &label)
            );
            keep.ranges.push(KeepRange {
                label: None,
                start: first,
                stop: Some(start),
            });
        }
        Ok(())
    }
}

/// The backup from which on all WAL is kept.
fn first_kept(keep: &KeepRanges) -> Option<(BackupLabel, String)> {
    let open = keep.ranges.iter().rfind(|range| range.stop.is_none())?;
    Some((open.label.clone()?, open.start.clone()))
}

/// What is in these directories.
fn listed(storage: &dyn Storage, directories: &[StoragePath]) -> Result<Vec<FileInfo>> {
    let list = |path: &StoragePath| {
        let options = ListOptions {
            level: InfoLevel::Basic,
            ..ListOptions::default()
        };
        Ok(storage.list(path, &options)?.unwrap_or_default())
    };
    if !storage.has_latency() {
        let all: Result<Vec<_>> = directories.iter().map(list).collect();
        return Ok(all?.concat());
    }
    std::thread::scope(|scope| {
        let asked: Vec<_> = directories
            .iter()
            .map(|path| scope.spawn(move || list(path)))
            .collect();
        let all: Result<Vec<_>> = asked.into_iter().map(join).collect();
        Ok(all?.concat())
    })
}
