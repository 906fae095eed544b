//! From settings to an opened storage: the one place that knows every backend.
//!
//! A new backend adds a variant and a line here. Who uses a storage knows its settings at most, never its type.

use std::sync::Arc;

use crate::azure::{self, AzureSettings};
use crate::connection::Connection;
use crate::error::Result;
use crate::gcs::{self, GcsSettings};
use crate::posix::{PosixSettings, PosixStorage};
use crate::s3::{self, S3Settings};
use crate::sftp::{SftpSettings, SftpStorage};
use crate::storage::Storage;

/// Which backend, and how it is reached.
#[derive(Debug, Clone)]
pub enum StorageSettings {
    /// Also cifs, see [`PosixSettings::cifs`].
    Posix(PosixSettings),
    /// An SFTP server.
    Sftp(Box<SftpSettings>),
    /// A bucket of S3, or of a server that speaks its protocol.
    S3(Box<S3Settings>),
    /// A container of Azure Blob Storage.
    Azure(Box<AzureSettings>),
    /// A bucket of Google Cloud Storage.
    Gcs(Box<GcsSettings>),
}

/// A storage, and its connection where it is behind a network.
#[derive(Debug)]
pub struct Opened {
    pub storage: Arc<dyn Storage>,
    pub connection: Option<Arc<dyn Connection>>,
}

impl Opened {
    fn local(storage: impl Storage + 'static) -> Self {
        Self {
            storage: Arc::new(storage),
            connection: None,
        }
    }

    fn remote(storage: impl Storage + Connection + 'static) -> Self {
        let storage = Arc::new(storage);
        Self {
            connection: Some(Arc::clone(&storage) as Arc<dyn Connection>),
            storage,
        }
    }
}

/// Opens the storage that `settings` describe.
///
/// # Errors
/// Settings no storage can be made of. That a server cannot be reached shows when something is asked.
pub fn open(settings: StorageSettings) -> Result<Opened> {
    Ok(match settings {
        StorageSettings::Posix(settings) => Opened::local(PosixStorage::new(settings)),
        StorageSettings::Sftp(settings) => Opened::remote(SftpStorage::new(*settings)?),
        StorageSettings::S3(settings) => Opened::remote(s3::open(*settings)?),
        StorageSettings::Azure(settings) => Opened::remote(azure::open(*settings)?),
        StorageSettings::Gcs(settings) => Opened::remote(gcs::open(*settings)?),
    })
}
