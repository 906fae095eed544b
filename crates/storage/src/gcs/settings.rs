//! What a GCS repository is told: where its bucket is, who we are, how objects are stored.
//!
//! Only values live here. The layer above turns options into this struct; nothing below reads options.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::http::{Endpoint, HttpSettings, Now};
use crate::object::ObjectSettings;

/// Where the token comes from that every request bears (`repo-gcs-key-type`).
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// Given for a statement that is signed with the key of a service account, which this file holds.
    Service { key_file: PathBuf },
    /// Given, and sent as it is.
    Given(SecretString),
    /// Of the service account of the machine, as its metadata server tells it.
    Auto {
        /// `http://metadata.google.internal` but in tests.
        metadata: Endpoint,
    },
}

/// Everything about a bucket and how it is used.
#[derive(Debug, Clone)]
pub struct GcsSettings {
    pub bucket: String,
    pub token: TokenSource,
    /// Nothing is written or removed: tokens are asked for that are good for reading alone.
    pub only_reads: bool,
    /// Who pays for requests, where it is not the bucket's owner.
    pub user_project: Option<String>,
    /// Custom metadata of every object.
    pub tags: Vec<(String, String)>,
    /// Size of the parts of an upload; rounded up to what the service takes, a multiple of 256 KiB.
    pub chunk_size: usize,
    /// Connection to the endpoint.
    pub http: HttpSettings,
    pub objects: ObjectSettings,
    pub now: Now,
}

impl GcsSettings {
    /// Settings with every default: 4 MiB chunks.
    #[must_use]
    pub fn new(
        bucket: impl Into<String>,
        endpoint: Endpoint,
        token: TokenSource,
        now: Now,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            token,
            only_reads: false,
            user_project: None,
            tags: Vec::new(),
            chunk_size: 4 << 20,
            http: HttpSettings::new(endpoint),
            objects: ObjectSettings::default(),
            now,
        }
    }
}
