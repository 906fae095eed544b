//! Repositories that are reached over a line, opened once a run.
//!
//! Connecting costs many round trips and proving who the server is: whoever opens the same repository again gets what
//! is open already, connections included. Storages close when the last context goes; errors of closing are nobody's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgkeep_storage::sftp::{SftpSettings, SftpStorage};

use super::cancel::{Cancel, HookGuard};
use crate::error::Result;

/// How long a run may take to end in good order once it was asked to stop: then a silent server is not waited for.
const GRACE: Duration = Duration::from_secs(3);

type Open = (SftpSettings, Arc<SftpStorage>, HookGuard);

/// What is open, shared by all contexts of a run.
#[derive(Debug, Clone, Default)]
pub struct Storages(Arc<Mutex<Vec<Open>>>);

impl Storages {
    /// The storage of these settings. A new one begins to connect at once, while the caller goes on with other work.
    ///
    /// # Errors
    /// Settings no storage can be made of. That the server cannot be reached shows when something is asked.
    pub(super) fn sftp(&self, settings: SftpSettings, cancel: &Cancel) -> Result<Arc<SftpStorage>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, storage, _)) = open.iter().find(|(known, ..)| known.is_same(&settings)) {
            return Ok(Arc::clone(storage));
        }
        let storage = Arc::new(SftpStorage::new(settings.clone())?);
        storage.connect_ahead();
        let hook = cancel.on_cancel(storage.stopper(GRACE));
        open.push((settings, Arc::clone(&storage), hook));
        Ok(storage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_settings_share_what_is_open_and_others_do_not() {
        let storages = Storages::default();
        // Port 1 of loopback refuses at once; nothing here asks for an answer.
        let settings = |root: &str| {
            let mut settings = SftpSettings::new("127.0.0.1", "u", root);
            settings.port = 1;
            settings.io_timeout = Duration::ZERO;
            settings
        };
        let first = storages.sftp(settings("/r"), &Cancel::default()).unwrap();
        assert!(Arc::ptr_eq(
            &first,
            &storages.sftp(settings("/r"), &Cancel::default()).unwrap()
        ));
        let cloned = storages.clone();
        assert!(Arc::ptr_eq(
            &first,
            &cloned.sftp(settings("/r"), &Cancel::default()).unwrap()
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &storages
                .sftp(settings("/other"), &Cancel::default())
                .unwrap()
        ));
        let mut secret = settings("/r");
        secret.private_key_passphrase = Some("x".into());
        assert!(!Arc::ptr_eq(
            &first,
            &storages.sftp(secret, &Cancel::default()).unwrap()
        ));
    }
}
