//! A repository in a bucket of Google Cloud Storage, by its JSON API.
//!
//! Requests, tokens and answers of GCS are here; what all object stores have in common is in `object`, connections and
//! repetitions are in `http`.

mod client;
mod failure;
mod jwt;
mod list;
mod lock;
mod object;
mod resumable;
mod session;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod upload;
mod versions;

pub use jwt::check_key_file;
pub use settings::{GcsSettings, TokenSource};

use crate::object::ObjectStorage;
use crate::stop::Stop;
use crate::{Connection, Result, Storage};
use client::GcsClient;
use store::GcsStore;

/// Makes a storage of a bucket; the server is reached when something is first asked.
///
/// # Errors
/// Settings no storage can be made of, a key file that is none among them.
pub fn open(settings: GcsSettings) -> Result<impl Storage + Connection + 'static> {
    let objects = settings.objects.clone();
    let stop = Stop::default();
    let client = GcsClient::new(settings, &stop)?;
    ObjectStorage::new(GcsStore::new(client), objects, stop)
}
