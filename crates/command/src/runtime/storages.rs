//! Repositories that are reached over a line, opened once a run.
//!
//! Connecting costs many round trips and proving who the server is: whoever opens the same repository again gets what
//! is open already, connections included. Storages close when the last context goes; errors of closing are nobody's.

use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_storage::sftp::{SftpSettings, SftpStorage};

use crate::error::Result;

type Open = (SftpSettings, Arc<SftpStorage>);

/// What is open, shared by all contexts of a run.
#[derive(Debug, Clone, Default)]
pub struct Storages(Arc<Mutex<Vec<Open>>>);

impl Storages {
    /// The storage of these settings. A new one begins to connect at once, while the caller goes on with other work.
    ///
    /// # Errors
    /// Settings no storage can be made of. That the server cannot be reached shows when something is asked.
    pub(super) fn sftp(&self, settings: SftpSettings) -> Result<Arc<SftpStorage>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, storage)) = open.iter().find(|(known, _)| known.is_same(&settings)) {
            return Ok(Arc::clone(storage));
        }
        let storage = Arc::new(SftpStorage::new(settings.clone())?);
        storage.connect_ahead();
        open.push((settings, Arc::clone(&storage)));
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
            settings.io_timeout = std::time::Duration::ZERO;
            settings
        };
        let first = storages.sftp(settings("/r")).unwrap();
        assert!(Arc::ptr_eq(&first, &storages.sftp(settings("/r")).unwrap()));
        let cloned = storages.clone();
        assert!(Arc::ptr_eq(&first, &cloned.sftp(settings("/r")).unwrap()));
        assert!(!Arc::ptr_eq(
            &first,
            &storages.sftp(settings("/other")).unwrap()
        ));
        let mut secret = settings("/r");
        secret.private_key_passphrase = Some("x".into());
        assert!(!Arc::ptr_eq(&first, &storages.sftp(secret).unwrap()));
    }
}
