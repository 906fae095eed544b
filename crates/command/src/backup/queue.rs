//! Which files are copied in which order and which share a bundle: one queue per target and host, big files first, then
//! bundles.
//!
//! Queues have positions in the manifest, so nothing may be added to or removed from it while they are in use. A job is made
//! when a worker asks for it. The invariant: a bundle never mixes targets or hosts, and a file is given out once.

use std::collections::VecDeque;

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::data_dir::{CONTROL_FILE, Rules};
use pgkeep_repo::BackupLabel;
use pgkeep_repo::layout::{self, StoredAs};
use pgkeep_repo::manifest::{FileRef, Manifest, PG_DATA, PageCheck};

use super::from_standby::{SourceHost, SourceHosts, source_host};
use super::job::{BlockJob, CopyJob, FileJob, MapPlace, is_small, pg_path};
use super::plan::Plan;
use super::settings::{BundleSettings, Settings};
use crate::detail;
use crate::error::{Error, ErrorCode, Result};

/// Most files of a bundle. Full ones of 8 KiB files do not come near it; without it a million of next to nothing would be
/// one job, which has their names and results in memory all at once.
const BUNDLE_FILES: usize = 4096;

/// Files still to be given out.
#[derive(Debug)]
pub(super) struct Queues {
    pub(super) queues: Vec<Queue>,
    /// Id of the next bundle, from 1.
    next_bundle: u64,
    /// Σ original size of all files, bytes.
    pub total: u64,
    /// Small files that are stored alone.
    pub small: usize,
    /// The repository has latency, so that what an aborted run left there is looked at in batches.
    pub far_repository: bool,
}

/// Files of one target that come from one host, as positions in the manifest.
#[derive(Debug)]
pub(super) struct Queue {
    pub host: SourceHost,
    pub files: VecDeque<u32>,
}

/// Where a file stands in its queue. Files stored alone come first, the biggest first, so that no worker is left with one at
/// the end. Bundled files follow in the order in which the prior backups have them, which lets their maps be read in one
/// sweep. New ones come by age, so that files that changed at the same time are neighbours.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// 0: alone; else one more than the place of the referenced label, or the maximum for a new file.
    class: u32,
    first: u64,
    second: u64,
    /// Positions are in the order of names.
    position: u32,
}

/// What the files of a queue have in common.
pub(super) struct Rulebook<'a> {
    pub settings: &'a Settings,
    pub plan: &'a Plan,
    pub rules: &'a Rules,
    pub label: &'a BackupLabel,
}

impl std::fmt::Debug for Rulebook<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rulebook")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl Queues {
    /// Sorts all files that are to be copied into queues.
    ///
    /// # Errors
    /// [`ErrorCode::FileMissing`] when there are none, or when an online backup would not copy the control file.
    pub(super) fn build(
        manifest: &Manifest,
        settings: &Settings,
        hosts: &SourceHosts,
        version: PgVersion,
    ) -> Result<Self> {
        let mut targets = vec![[PG_DATA, b"/"].concat()];
        targets.extend(
            manifest
                .targets()
                .iter()
                .filter(|target| target.tablespace_oid().is_some())
                .map(|target| [&target.name, &b"/"[..]].concat()),
        );
        let mut keys: Vec<(SourceHost, &[u8], Vec<Key>)> = targets
            .iter()
            .flat_map(|target| {
                let parts = hosts.parts().iter();
                parts.map(|&host| (host, &target[..], Vec::new()))
            })
            .collect();
        let (mut total, mut small) = (0, 0);
        let mut control_found = false;
        for (position, file) in manifest.files().enumerate() {
            if !file.copy {
                if file.size == 0 && settings.bundle.is_some() {
                    detail!(
                        "store zero-length file {}",
                        hosts.primary.display(&pg_path(&file.name.to_vec()))
                    );
                }
                continue;
            }
            let name = file.name.to_vec();
            control_found |= name == CONTROL_FILE;
            let from = source_host(&name, version, hosts.standby.is_some());
            let (.., queue) = keys
                .iter_mut()
                .find(|(host, target, _)| *host == from && name.starts_with(target))
                .ok_or_else(|| Error::new(ErrorCode::Assert, "backup target not found"))?;
            let position = u32::try_from(position)
                .map_err(|_| Error::new(ErrorCode::Assert, "too many files"))?;
            queue.push(key(manifest, settings.bundle, &file, position));
            total += file.size_original;
            let alone = (settings.bundle).is_none_or(|bundle| !bundle.takes(file.size));
            small += usize::from(alone && is_small(file.size_original));
        }
        if settings.online && !control_found {
            return Err(Error::new(
                ErrorCode::FileMissing,
                "pg_control must be present in all online backups",
            )
            .with_hint("is something wrong with the clock or filesystem timestamps?"));
        }
        if keys.iter().all(|(.., queue)| queue.is_empty()) {
            return Err(Error::new(
                ErrorCode::FileMissing,
                "no files have changed since the last backup - this seems unlikely",
            ));
        }
        let sorted = |(host, _, mut keys): (SourceHost, &[u8], Vec<Key>)| {
            keys.sort_unstable();
            let files = keys.iter().map(|key| key.position).collect();
            Queue { host, files }
        };
        Ok(Self {
            queues: keys.into_iter().map(sorted).collect(),
            next_bundle: 1,
            total,
            small,
            far_repository: false,
        })
    }

    /// The next job for a worker, and the positions of its files. With a standby the first worker reads from the primary and
    /// the others from the standby, so that the primary never serves more than one. Workers begin at different queues, so that
    /// they read from different disks as long as there is something to read.
    pub(super) fn next(
        &mut self,
        worker: usize,
        manifest: &Manifest,
        book: &Rulebook<'_>,
    ) -> Option<(CopyJob, Vec<u32>)> {
        let has_standby = self
            .queues
            .iter()
            .any(|queue| queue.host == SourceHost::Standby);
        let from = match has_standby && worker > 0 {
            true => SourceHost::Standby,
            false => SourceHost::Primary,
        };
        let mine: Vec<usize> = (0..self.queues.len())
            .filter(|&at| self.queues[at].host == from)
            .collect();
        let count = mine.len();
        let mut at = worker % count;
        for _ in 0..count {
            if !self.queues[mine[at]].files.is_empty() {
                return Some(self.take(mine[at], manifest, book));
            }
            at = if worker.is_multiple_of(2) {
                (at + 1) % count
            } else {
                (at + count - 1) % count
            };
        }
        None
    }

    /// Takes a job from a queue that is not empty.
    pub(super) fn take(
        &mut self,
        queue: usize,
        manifest: &Manifest,
        book: &Rulebook<'_>,
    ) -> (CopyJob, Vec<u32>) {
        let settings = book.settings;
        let Queue { host, files: queue } = &mut self.queues[queue];
        let host = *host;
        let first = manifest.file_at(queue[0] as usize);
        let Some(bundle) = settings.bundle.filter(|bundle| bundle.takes(first.size)) else {
            let position = queue.pop_front().expect("the queue is not empty");
            let stored = match book.is_block(&first) {
                true => StoredAs::Blocks,
                false => StoredAs::Whole(book.plan.compress.extension()),
            };
            let target =
                layout::backup_file(&settings.stanza, book.label, &first.name.to_vec(), stored);
            return (
                CopyJob {
                    host,
                    target,
                    bundle_id: 0,
                    files: vec![book.file_job(&first)],
                },
                vec![position],
            );
        };
        let bundle_id = self.next_bundle;
        self.next_bundle += 1;
        let (mut files, mut positions, mut size) = (Vec::new(), Vec::new(), 0);
        while let Some(position) = queue.pop_front() {
            let file = manifest.file_at(position as usize);
            size += file.size_original;
            files.push(book.file_job(&file));
            positions.push(position);
            if size >= bundle.size || files.len() >= BUNDLE_FILES {
                break;
            }
        }
        (
            CopyJob {
                host,
                target: layout::bundle(&settings.stanza, book.label, bundle_id),
                bundle_id,
                files,
            },
            positions,
        )
    }
}

fn key(
    manifest: &Manifest,
    bundle: Option<BundleSettings>,
    file: &FileRef<'_>,
    position: u32,
) -> Key {
    if bundle.is_none_or(|bundle| !bundle.takes(file.size)) {
        return Key {
            class: 0,
            first: u64::MAX - file.size,
            second: 0,
            position,
        };
    }
    match file.reference_label() {
        Some(label) => {
            let rank = manifest
                .references
                .iter()
                .position(|known| known == label)
                .unwrap_or(0);
            let (id, offset) = file.bundle.map_or((0, 0), |slice| (slice.id, slice.offset));
            Key {
                class: u32::try_from(rank + 1).unwrap_or(u32::MAX - 1),
                first: id,
                second: offset,
                position,
            }
        }
        // Shifted, so that times before 1970 sort before the others.
        None => Key {
            class: u32::MAX,
            first: (file.timestamp as u64) ^ (1 << 63),
            second: 0,
            position,
        },
    }
}

impl Rulebook<'_> {
    /// Whether a file is stored block by block in this backup.
    fn is_block(&self, file: &FileRef<'_>) -> bool {
        self.settings.block.is_some() && file.block.is_some()
    }

    fn file_job(&self, file: &FileRef<'_>) -> FileJob {
        let name = file.name.to_vec();
        let block = file
            .block
            .filter(|_| self.settings.block.is_some())
            .map(|block| BlockJob {
                block_size: usize::try_from(block.size).unwrap_or(usize::MAX),
                checksum_size: block.checksum_size as usize,
                prior: self.prior_map(file, &name),
            });
        FileJob {
            size: file.size,
            checksum: file.checksum,
            size_original: file.size_original,
            is_control: name == CONTROL_FILE,
            delta: file.delta,
            resume: file.resume,
            repo_size: file.repo_size,
            repo_checksum: file.repo_checksum,
            has_reference: file.reference.is_some(),
            may_vanish: self.rules.may_vanish(&name),
            page_check: file.page_check != PageCheck::None,
            block,
            name,
        }
    }

    fn prior_map(&self, file: &FileRef<'_>, name: &[u8]) -> Option<MapPlace> {
        let size = file.block_map_size();
        let label = file.reference_label()?;
        if size == 0 || file.resume {
            return None;
        }
        let stored = file
            .bundle
            .map_or(StoredAs::Blocks, |slice| StoredAs::Bundle(slice.id));
        let end = file.bundle.map_or(0, |slice| slice.offset) + file.repo_size;
        Some(MapPlace {
            path: layout::backup_file(&self.settings.stanza, label, name, stored),
            offset: end.saturating_sub(size),
            size,
        })
    }
}
