//! How many small files a worker gets at once.

use pgkeep_repo::manifest::Manifest;

use super::from_standby::SourceHosts;
use super::job::CopyJob;
use super::queue::{Queues, Rulebook};

/// Small files that a worker gets at once.
struct Batch {
    bytes: u64,
    files: usize,
}

/// From a host with latency: a wait for all of them is one for each otherwise.
const FAR: Batch = Batch {
    bytes: 4 << 20,
    files: 64,
};
/// From this host: a file of a few bytes is copied in less time than it takes to wake a thread for it.
const NEAR: Batch = Batch {
    bytes: 1 << 20,
    files: 32,
};
/// And no more than this part of what is left.
const NEAR_PART: usize = 16;

impl Queues {
    /// The next jobs for a worker: one, or several small ones, which costs a wait for each batch then and not for each file. Of a
    /// host with latency, and where an aborted run left them in a repository with latency, it may be more. Empty: there is none.
    pub(super) fn next_batch(
        &mut self,
        worker: usize,
        manifest: &Manifest,
        book: &Rulebook<'_>,
        hosts: &SourceHosts,
    ) -> Vec<(CopyJob, Vec<u32>)> {
        let mut batch: Vec<_> = self.next(worker, manifest, book).into_iter().collect();
        let Some((first, _)) = batch.first() else {
            return batch;
        };
        let is_left = first.files.iter().any(|file| file.resume);
        let far = hosts.get(first.host).has_latency() || (self.far_repository && is_left);
        if first.bundle_id != 0 || !(far || first.is_small()) {
            return batch;
        }
        let most = match far {
            true => FAR,
            // Less towards the end, so that no worker is left with the last ones.
            false => Batch {
                files: NEAR.files.min(self.left() / NEAR_PART),
                ..NEAR
            },
        };
        let size = |job: &CopyJob| job.files.iter().map(|file| file.size_original).sum::<u64>();
        let (host, mut bytes) = (first.host, size(first));
        while bytes < most.bytes && batch.len() < most.files {
            // Only from a queue of the same host; what would be bundled is a job of some size already.
            let bundled = |position: u32| {
                let file = manifest.file_at(position as usize);
                let bundle = book.settings.bundle;
                bundle.is_some_and(|bundle| bundle.takes(file.size))
            };
            let Some(at) = self.queues.iter().position(|queue| {
                let first = queue.files.front();
                queue.host == host && first.is_some_and(|&position| !bundled(position))
            }) else {
                break;
            };
            let next = self.take(at, manifest, book);
            bytes += size(&next.0);
            batch.push(next);
        }
        batch
    }

    fn left(&self) -> usize {
        self.queues.iter().map(|queue| queue.files.len()).sum()
    }
}
