//! In which order files are restored, and which go together as one job.
//!
//! One queue per tablespace, so that workers spread over their disks. In each: files stored alone from the largest to the
//! smallest, so that no worker is left with a large one; then bundles, each read once from front to back; then files of
//! nothing. Small files stored alone share jobs, for giving out a job costs as much as making a small file.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::PG_TBLSPC;
use pgkeep_storage::PipelineRead;

/// A job of a bundle ends here, bytes stored: progress is seen and a stop is noticed at the end of jobs.
const BUNDLE_JOB: u64 = 64 << 20;
/// A job of files stored alone ends here, bytes.
const ALONE_JOB: u64 = 4 << 20;
/// Most files of a job stored alone, and of one of a bundle.
const ALONE_FILES: usize = 128;
const BUNDLE_FILES: usize = 8192;

/// Readers of repository files that were opened before their job began, in the order of its files.
pub(super) type Opened = VecDeque<Box<dyn PipelineRead>>;

/// Files that one worker restores together: all in one bundle, or each stored alone.
pub(super) struct Job {
    /// Positions in the manifest.
    pub files: Vec<u32>,
    /// All are slices of one bundle, in the order they lie in it.
    pub bundled: bool,
    /// Bytes in the repository.
    pub stored: u64,
    opened: Mutex<Opened>,
}

impl Job {
    pub(super) fn give_opened(&mut self, opened: Opened) {
        self.opened = Mutex::new(opened);
    }

    /// The readers, for the first attempt; a second one opens anew.
    pub(super) fn take_opened(&self) -> Opened {
        std::mem::take(&mut self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({:?}, bundled: {})", self.files, self.bundled)
    }
}

/// Files of one target in order, taken from the end.
#[derive(Debug, Default)]
struct Queue {
    files: Vec<u32>,
}

/// All files to restore.
#[derive(Debug)]
pub(super) struct Queues {
    queues: Vec<Queue>,
    /// Bytes of all files.
    pub total: u64,
}

/// What files are sorted by: nothing in it; bundle; then largest first, or holder and place in the bundle; position.
type Key = (bool, u64, u64, u64, u32);

impl Queues {
    /// Sorts all files of the manifest.
    pub(super) fn of(manifest: &Manifest) -> Self {
        let mut targets: HashMap<&[u8], usize> = HashMap::new();
        for target in manifest
            .targets()
            .iter()
            .filter(|target| target.tablespace_oid().is_some())
        {
            let next = targets.len() + 1;
            targets.insert(&target.name, next);
        }
        let mut keys: Vec<Vec<Key>> = vec![Vec::new(); targets.len() + 1];
        let mut total: u64 = 0;
        for (position, file) in (0..).zip(manifest.files()) {
            total = total.saturating_add(file.size);
            let queue = file
                .name
                .directory()
                .and_then(tablespace)
                .and_then(|name| targets.get(name))
                .copied();
            let (bundle, order, place) = match file.bundle {
                None => (0, u64::MAX - file.size, u64::from(u32::MAX - position)),
                Some(slice) => {
                    let holder = file
                        .reference_label()
                        .and_then(|label| manifest.references.iter().position(|l| l == label));
                    // References of one chain only grow at the end, so their order is that of time.
                    (
                        slice.id,
                        holder.map_or(u64::MAX, |at| at as u64),
                        slice.offset,
                    )
                }
            };
            keys[queue.unwrap_or(0)].push((file.size == 0, bundle, order, place, position));
        }
        let sorted = |mut keys: Vec<Key>| {
            keys.sort_unstable_by(|a, b| b.cmp(a));
            Queue {
                files: keys.into_iter().map(|key| key.4).collect(),
            }
        };
        Self {
            queues: keys.into_iter().map(sorted).collect(),
            total,
        }
    }

    /// The next job for a worker; workers begin at different queues and go through them in different directions.
    pub(super) fn next(&mut self, manifest: &Manifest, worker: usize) -> Option<Job> {
        let count = self.queues.len();
        let start = worker % count;
        (0..count)
            .map(|step| {
                if worker.is_multiple_of(2) {
                    (start + step) % count
                } else {
                    (start + count - step) % count
                }
            })
            .find_map(|at| self.queues[at].next(manifest))
    }
}

/// `pg_tblspc/<oid>` of a directory below it.
fn tablespace(directory: &[u8]) -> Option<&[u8]> {
    let rest = directory.strip_prefix(PG_TBLSPC)?.strip_prefix(b"/")?;
    let oid = rest
        .iter()
        .position(|&byte| byte == b'/')
        .unwrap_or(rest.len());
    Some(&directory[..PG_TBLSPC.len() + 1 + oid])
}

impl Queue {
    fn next(&mut self, manifest: &Manifest) -> Option<Job> {
        let first = self.files.pop()?;
        let head = manifest.file_at(first as usize);
        let (bundle, holder) = (head.bundle.map(|slice| slice.id), head.reference);
        let mut job = Job {
            files: vec![first],
            bundled: bundle.is_some(),
            stored: head.repo_size,
            opened: Mutex::default(),
        };
        let (limit, most) = match job.bundled {
            true => (BUNDLE_JOB, BUNDLE_FILES),
            false => (ALONE_JOB, ALONE_FILES),
        };
        while let Some(&next) = self.files.last() {
            let file = manifest.file_at(next as usize);
            let same = file.bundle.map(|slice| slice.id) == bundle
                && (!job.bundled || file.reference == holder);
            let stored = job.stored.saturating_add(file.repo_size);
            if !same || stored > limit || job.files.len() >= most {
                break;
            }
            job.stored = stored;
            job.files.push(next);
            self.files.pop();
        }
        Some(job)
    }
}
