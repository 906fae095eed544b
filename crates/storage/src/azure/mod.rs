//! A repository in a container of Azure Blob Storage.
//!
//! Requests, signatures and answers of Azure are here; what all object stores have in common is in `object`, connections
//! and repetitions are in `http`.

mod batch;
mod client;
mod failure;
mod list;
mod lock;
mod lock_header;
mod missing;
mod remove;
mod secrets;
mod settings;
mod sign;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod upload;
mod versions;

use std::sync::Arc;

pub use secrets::{check_key, check_signature};
pub use settings::{Access, AzureSettings, UriStyle};

use crate::object::ObjectStorage;
use crate::stop::Stop;
use crate::{Connection, Result, Storage};
use client::AzureClient;
use remove::Batches;
use store::AzureStore;

/// Makes a storage of a container; the server is reached when something is first asked.
///
/// # Errors
/// Settings no storage can be made of.
pub fn open(settings: AzureSettings) -> Result<impl Storage + Connection + 'static> {
    let objects = settings.objects.clone();
    let stop = Stop::default();
    let store = AzureStore {
        client: Arc::new(AzureClient::new(settings, &stop)?),
        batches: Batches::default(),
    };
    ObjectStorage::new(store, objects, stop)
}
