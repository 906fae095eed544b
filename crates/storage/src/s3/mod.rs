//! A repository in a bucket of S3, or of a server that speaks its protocol.
//!
//! Requests, signatures and answers of S3 are here; what all object stores have in common is in `object`, connections
//! and repetitions are in `http`.

mod client;
mod credentials;
mod failure;
mod list;
mod lock;
mod lock_header;
mod remove;
mod settings;
mod sign;
mod store;
#[cfg(test)]
mod tests;
mod upload;
mod versions;

use std::sync::Arc;

pub use settings::{KeySource, S3Settings, UriStyle};

pub use crate::http::Now;
use crate::object::ObjectStorage;
use crate::stop::Stop;
use crate::{Connection, Result, Storage};
use client::S3Client;
use store::S3Store;

/// Makes a storage of a bucket; the server is reached when something is first asked.
///
/// # Errors
/// Settings no storage can be made of.
pub fn open(settings: S3Settings) -> Result<impl Storage + Connection + 'static> {
    let objects = settings.objects.clone();
    let stop = Stop::default();
    let client = S3Client::new(settings, &stop)?;
    let client = Arc::new(client);
    ObjectStorage::new(S3Store { client }, objects, stop)
}
