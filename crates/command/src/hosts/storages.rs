//! Storages behind a network, opened once a run.
//!
//! Connecting costs many round trips, and proving who the server is. Whoever opens the same repository again gets what is
//! open already, connections included. Storages close when the last context goes; errors of closing are nobody's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgkeep_storage::open::{self, StorageSettings};
use pgkeep_storage::{Connection, Storage};

use crate::error::Result;
use crate::run::cancel::{Cancel, HookGuard};

/// How long a run may take to end in good order once it was asked to stop: then a silent server is not waited for.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Open {
    repo_key: u32,
    storage: Arc<dyn Storage>,
    connection: Arc<dyn Connection>,
    _stop: HookGuard,
}

/// What is open, shared by all contexts of a run.
#[derive(Debug, Clone, Default)]
pub struct Storages(Arc<Mutex<Vec<Open>>>);

impl Storages {
    /// The storage of repository `key`. One with a connection is made of these settings the first time, as options do not
    /// change during a run. It begins to connect at once, while the caller goes on with other work.
    ///
    /// # Errors
    /// Settings no storage can be made of. That the server cannot be reached shows when something is asked.
    pub(super) fn open(
        &self,
        key: u32,
        settings: StorageSettings,
        cancel: &Cancel,
    ) -> Result<Arc<dyn Storage>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.iter().find(|open| open.repo_key == key) {
            return Ok(Arc::clone(&open.storage));
        }
        let opened = open::open(settings)?;
        let storage = Arc::clone(&opened.storage);
        if let Some(connection) = opened.connection {
            connection.connect_ahead();
            let stop = cancel.on_cancel(connection.stopper(GRACE));
            all.push(Open {
                repo_key: key,
                storage: opened.storage,
                connection,
                _stop: stop,
            });
        }
        Ok(storage)
    }

    /// How many connections repository `key` has needed so far, if it has any.
    #[must_use]
    pub fn connections(&self, key: u32) -> Option<usize> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.iter().find(|open| open.repo_key == key)?;
        Some(open.connection.made())
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::posix::PosixSettings;
    use pgkeep_storage::sftp::SftpSettings;

    use super::*;

    fn sftp() -> StorageSettings {
        // Port 1 of loopback refuses at once; nothing here asks for an answer.
        let mut settings = SftpSettings::new("127.0.0.1", "u", "/r");
        settings.port = 1;
        settings.io_timeout = Duration::ZERO;
        StorageSettings::Sftp(Box::new(settings))
    }

    #[test]
    fn a_repository_behind_a_network_is_opened_once_also_by_clones() {
        let storages = Storages::default();
        let open =
            |storages: &Storages, key| storages.open(key, sftp(), &Cancel::default()).unwrap();
        let first = open(&storages, 1);
        assert!(Arc::ptr_eq(&first, &open(&storages, 1)));
        assert!(Arc::ptr_eq(&first, &open(&storages.clone(), 1)));
        assert!(!Arc::ptr_eq(&first, &open(&storages, 2)));
        assert!(storages.connections(1).is_some());
    }

    #[test]
    fn a_repository_of_this_machine_has_no_connection_and_is_not_kept() {
        let storages = Storages::default();
        let open = |root: &str| {
            let settings = StorageSettings::Posix(PosixSettings::at(root));
            let opened = storages.open(1, settings, &Cancel::default()).unwrap();
            opened.display(&pgkeep_storage::StoragePath::root())
        };
        // Another stanza may have another path under the same key.
        assert_eq!((open("/a"), open("/b")), ("/a".into(), "/b".into()));
        assert_eq!(storages.connections(1), None);
    }
}
