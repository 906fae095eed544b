//! Removal of several things at the same time, where a storage is mostly waited for.

use std::thread::ScopedJoinHandle;

use pgkeep_repo::BackupLabel;

use super::Expire;
use super::left_overs;
use super::on_disk::remove_sets;
use crate::error::Result;

impl Expire<'_> {
    /// Removes the directories `gone`, does `steps`, then removes what writers that died have left, and returns the number of
    /// these. None of the three depends on another. On a storage with latency they are done at the same time, because each is
    /// mostly waiting.
    pub(super) fn beside(
        &self,
        gone: &[BackupLabel],
        closed: bool,
        steps: impl FnOnce() -> Result<()>,
    ) -> Result<usize> {
        let (storage, stanza, dry_run) = (self.storage(), self.stanza(), self.settings.dry_run);
        let places = match dry_run {
            true => Vec::new(),
            false => left_overs::places(storage, stanza, closed),
        };
        if dry_run || !storage.has_latency() {
            self.remove_unlisted(gone)?;
            steps()?;
            return places.iter().try_fold(0, |sum, place| {
                Ok(sum + left_overs::remove(storage, place, &self.name)?)
            });
        }
        if let Some(first) = gone.first() {
            self.removing("backup", first, 0, gone.len());
        }
        self.tell_unlisted(gone);
        let names = self.names.end();
        let (name, cancel) = (self.name.as_str(), &self.context.cancel);
        std::thread::scope(|scope| {
            let removing =
                scope.spawn(move || remove_sets(storage, stanza, cancel, gone, &names()));
            let looking: Vec<_> = places
                .iter()
                .map(|place| scope.spawn(move || left_overs::remove(storage, place, name)))
                .collect();
            let done = steps();
            let gone = join(removing);
            let removed = looking
                .into_iter()
                .try_fold(0, |sum, one| Ok(sum + join(one)?));
            gone.and(done).and(removed)
        })
    }
}

pub(super) fn join<T>(one: ScopedJoinHandle<'_, T>) -> T {
    one.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
