//! Backups that the storage does not let go yet: they are kept as they are, listed and whole.

use pgkeep_repo::BackupLabel;
use pgkeep_repo::layout;
use pgkeep_repo::retention::Expired;

use super::Expire;
use crate::error::Result;
use crate::report::lock_text;

impl Expire<'_> {
    /// Of what retention lets go that which can be removed. A backup on which a locked one depends stays too. Asked before
    /// anything is removed: a locked backup must neither lose a file nor its place in the list.
    pub(super) fn without_locked(&self, sets: Vec<Expired>) -> Result<Vec<Expired>> {
        let Some(protection) = self.storage().as_protection() else {
            return Ok(sets);
        };
        // The manifest is written last, so its lock ends last.
        let manifests: Vec<_> = sets
            .iter()
            .flat_map(|expired| &expired.set)
            .map(|label| layout::manifest(self.stanza(), label))
            .collect();
        let mut locks = protection.kept_until(&manifests)?.into_iter();
        let mut kept: Vec<BackupLabel> = Vec::new();
        let mut longest = None;
        let mut free = Vec::new();
        for expired in sets {
            let own = locks.by_ref().take(expired.set.len());
            match own.flatten().max() {
                None => free.push(expired),
                Some(until) => {
                    longest = longest.max(Some(until));
                    kept.extend(expired.set);
                }
            }
        }
        if let Some(until) = longest {
            let labels: Vec<&str> = kept.iter().map(BackupLabel::as_str).collect();
            log::info!(
                "{}: keep expired backup {}: still locked in the bucket, {}",
                self.name,
                labels.join(", "),
                lock_text::until(&self.context.clock, until)
            );
            self.removed.locked(kept.len());
        }
        Ok(free)
    }
}
