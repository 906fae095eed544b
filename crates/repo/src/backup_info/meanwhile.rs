//! What others have changed in the stored list while a command worked with what it had read.
//!
//! Locks keep away only what runs on this host. Another host may list a backup, take one off or pin one meanwhile. Whoever saves the
//! list an hour after he has read it would undo that.

use std::collections::BTreeSet;

use pgkeep_storage::Storage;
use secrecy::SecretString;

use super::BackupInfo;
use crate::backup_label::BackupLabel;
use crate::error::Result;
use crate::stanza::Stanza;

impl BackupInfo {
    /// Labels of all backups.
    #[must_use]
    pub fn labels(&self) -> BTreeSet<BackupLabel> {
        let entries = self.entries.iter();
        entries.map(|entry| entry.label.clone()).collect()
    }

    /// Reads the stored list again, in which `before` were listed when it was read for this one, and takes over what others have
    /// changed. What was added and removed here stays so.
    ///
    /// # Errors
    /// Those of loading.
    pub fn catch_up(
        &mut self,
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
        before: &BTreeSet<BackupLabel>,
    ) -> Result<()> {
        let stored = Self::load(storage, stanza, pass)?;
        self.take_over(stored, before);
        Ok(())
    }

    fn take_over(&mut self, stored: Self, before: &BTreeSet<BackupLabel>) {
        let now = stored.labels();
        // Gone by somebody else. What was not listed before was added here.
        self.entries
            .retain(|entry| now.contains(&entry.label) || !before.contains(&entry.label));
        for entry in stored.entries {
            match self.index(&entry.label) {
                // With the annotations that it has now.
                Ok(at) => self.entries[at] = entry,
                Err(_) if before.contains(&entry.label) => {}
                Err(at) => self.entries.insert(at, entry),
            }
        }
        self.history = stored.history;
        self.cipher_pass = stored.cipher_pass;
        self.updated = true;
    }
}
