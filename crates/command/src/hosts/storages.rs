//! Repositories that are reached over a line, opened once a run.
//!
//! Connecting costs many round trips and proving who the server is: whoever opens the same repository again gets what
//! is open already, connections included. Storages close when the last context goes; errors of closing are nobody's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgkeep_storage::sftp::{SftpSettings, SftpStorage};

use crate::error::Result;
use crate::run::cancel::{Cancel, HookGuard};

/// How long a run may take to end in good order once it was asked to stop: then a silent server is not waited for.
const GRACE: Duration = Duration::from_secs(3);

type Open = (u32, Arc<SftpStorage>, HookGuard);

/// What is open, shared by all contexts of a run.
#[derive(Debug, Clone, Default)]
pub struct Storages(Arc<Mutex<Vec<Open>>>);

impl Storages {
    /// The storage of repository `key`, made of these settings the first time: options do not change during a run. A new one
    /// begins to connect at once, while the caller goes on with other work.
    ///
    /// # Errors
    /// Settings no storage can be made of. That the server cannot be reached shows when something is asked.
    pub(super) fn sftp(
        &self,
        key: u32,
        settings: SftpSettings,
        cancel: &Cancel,
    ) -> Result<Arc<SftpStorage>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, storage, _)) = open.iter().find(|(known, ..)| *known == key) {
            return Ok(Arc::clone(storage));
        }
        let storage = Arc::new(SftpStorage::new(settings)?);
        storage.connect_ahead();
        let hook = cancel.on_cancel(storage.stopper(GRACE));
        open.push((key, Arc::clone(&storage), hook));
        Ok(storage)
    }

    /// How many connections repository `key` has needed so far, if it was opened.
    #[must_use]
    pub fn connections(&self, key: u32) -> Option<usize> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, storage, _) = open.iter().find(|(known, ..)| *known == key)?;
        Some(storage.statistics().connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_opened_once_also_by_clones() {
        let storages = Storages::default();
        let open = |storages: &Storages, key| {
            // Port 1 of loopback refuses at once; nothing here asks for an answer.
            let mut settings = SftpSettings::new("127.0.0.1", "u", "/r");
            settings.port = 1;
            settings.io_timeout = Duration::ZERO;
            storages.sftp(key, settings, &Cancel::default()).unwrap()
        };
        let first = open(&storages, 1);
        assert!(Arc::ptr_eq(&first, &open(&storages, 1)));
        assert!(Arc::ptr_eq(&first, &open(&storages.clone(), 1)));
        assert!(!Arc::ptr_eq(&first, &open(&storages, 2)));
    }
}
