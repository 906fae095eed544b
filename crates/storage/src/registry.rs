//! From settings to a storage: the one place that knows every backend.
//!
//! A new backend adds a variant and a line here; nothing above this crate names a backend's type.

use std::sync::Arc;

use crate::error::Result;
use crate::memory::MemoryStorage;
use crate::posix::{PosixSettings, PosixStorage};
use crate::sftp::{SftpSettings, SftpStorage};
use crate::storage::Storage;

/// Which backend, and how it is reached.
#[derive(Debug, Clone)]
pub enum StorageSettings {
    /// Also cifs, see [`PosixSettings::cifs`].
    Posix(PosixSettings),
    /// An SFTP server.
    Sftp(Box<SftpSettings>),
    /// For tests: a tree that the caller holds too.
    Memory(MemoryStorage),
}

/// Opens the storage that `settings` describe.
pub fn open(settings: &StorageSettings) -> Result<Arc<dyn Storage>> {
    Ok(match settings {
        StorageSettings::Posix(settings) => Arc::new(PosixStorage::new(settings.clone())),
        StorageSettings::Sftp(settings) => Arc::new(SftpStorage::new((**settings).clone())?),
        StorageSettings::Memory(storage) => Arc::new(storage.clone()),
    })
}
