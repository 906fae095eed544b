//! Removal of several things at the same time, where a storage is mostly waited for.

use std::thread::ScopedJoinHandle;

use pgkeep_repo::BackupLabel;

use super::Expire;
use super::left_overs;
use super::on_disk::remove_sets;
use crate::error::Result;

impl Expire<'_> {
    /// Does `steps`, which hands back also whether another account adds to the repository, and removes what writers that died have
    /// left; returns the number of these. All of it is older than a day, so the steps neither make nor need it. On a storage with
    /// latency both are done at the same time, because each is mostly waiting.
    pub(super) fn beside_left_overs<T>(
        &mut self,
        steps: impl FnOnce(&mut Self) -> Result<(T, bool)>,
    ) -> Result<(T, usize)> {
        let (storage, stanza, name) = (self.storage(), self.stanza(), self.name.clone());
        let (name, now) = (name.as_str(), self.context.clock.seconds());
        if self.settings.dry_run {
            return Ok((steps(self)?.0, 0));
        }
        let early = match storage.has_latency() {
            true => left_overs::places(storage, stanza, false),
            false => Vec::new(),
        };
        let ((done, closed), mut removed) = std::thread::scope(|scope| {
            let looking: Vec<_> = early
                .iter()
                .map(|place| scope.spawn(move || left_overs::remove(storage, place, name)))
                .collect();
            let done = steps(self);
            let removed: Result<usize> = looking.into_iter().map(join).sum();
            done.and_then(|done| Ok((done, removed?)))
        })?;
        for place in left_overs::places(storage, stanza, closed) {
            if !early.contains(&place) {
                removed += left_overs::remove(storage, &place, name)?;
            }
        }
        if closed {
            removed += left_overs::remove_trials(storage, now)?;
        }
        Ok((done, removed))
    }

    /// Removes the directories `gone` and does `steps`; neither depends on the other. On a storage with latency both are done at
    /// the same time.
    pub(super) fn beside(
        &self,
        gone: &[BackupLabel],
        steps: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let (storage, stanza) = (self.storage(), self.stanza());
        if self.settings.dry_run || !storage.has_latency() {
            self.remove_unlisted(gone)?;
            return steps();
        }
        if let Some(first) = gone.first() {
            self.removing("backup", first, 0, gone.len());
        }
        self.tell_unlisted(gone);
        let (names, cancel) = (self.names.end(), &self.context.cancel);
        std::thread::scope(|scope| {
            let removing =
                scope.spawn(move || remove_sets(storage, stanza, cancel, gone, &names()));
            let done = steps();
            join(removing).and(done)
        })
    }
}

pub(super) fn join<T>(one: ScopedJoinHandle<'_, T>) -> T {
    one.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
