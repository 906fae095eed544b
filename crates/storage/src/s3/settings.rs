//! What an S3 repository is told: where its bucket is, who we are, how objects are stored.
//!
//! Only values live here. The layer above turns options into this struct; nothing below reads options.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::http::{Endpoint, HttpSettings, Now};
use crate::object::ObjectSettings;

/// How requests name the bucket (`repo-s3-uri-style`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UriStyle {
    /// In the host: `bucket.endpoint`.
    #[default]
    Host,
    /// At the beginning of the path: `endpoint/bucket`.
    Path,
}

/// Where the keys that requests are signed with come from (`repo-s3-key-type`).
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Given, and the same for the whole run.
    Shared {
        key: SecretString,
        secret: SecretString,
        token: Option<SecretString>,
    },
    /// Of the role of the machine, as its metadata service tells them.
    Auto {
        /// `None`: the first role there is.
        role: Option<String>,
        /// `http://169.254.169.254` but in tests.
        metadata: Endpoint,
    },
    /// Given for a token by the security token service.
    WebId {
        role: String,
        token_file: PathBuf,
        sts: Endpoint,
    },
    /// Given for a token by the agent of a pod.
    PodId {
        server: Endpoint,
        path: String,
        token_file: PathBuf,
    },
    /// Printed by a program: its name and arguments.
    Process { command: Vec<String> },
}

/// Everything about a bucket and how it is used.
#[derive(Debug, Clone)]
pub struct S3Settings {
    pub bucket: String,
    /// Name of the service, which requests are signed for.
    pub endpoint: Endpoint,
    /// Signed too; any text for servers that know no regions.
    pub region: String,
    pub uri_style: UriStyle,
    /// Name of the service in signatures, `s3`.
    pub service: String,
    pub keys: KeySource,
    /// Objects are encrypted by the server with this key of its key management.
    pub kms_key_id: Option<String>,
    /// Objects are encrypted by the server with this key, 32 bytes in base64, which it does not keep.
    pub customer_key: Option<SecretString>,
    /// Who asks pays for requests, not the bucket's owner.
    pub requester_pays: bool,
    /// Tags of every object.
    pub tags: Vec<(String, String)>,
    /// Size of the first parts of an upload; later ones are larger.
    pub chunk_size: usize,
    /// Connection; its server is [`S3Settings::connection`] unless another one was named.
    pub http: HttpSettings,
    pub objects: ObjectSettings,
    pub now: Now,
}

impl S3Settings {
    /// Settings with every default: host style, 5 MiB chunks, the connection goes to the endpoint.
    #[must_use]
    pub fn new(
        bucket: impl Into<String>,
        endpoint: Endpoint,
        region: impl Into<String>,
        keys: KeySource,
        now: Now,
    ) -> Self {
        let bucket = bucket.into();
        let http = HttpSettings::new(Self::connection(&bucket, &endpoint, UriStyle::Host));
        Self {
            bucket,
            endpoint,
            region: region.into(),
            uri_style: UriStyle::Host,
            service: "s3".to_owned(),
            keys,
            kms_key_id: None,
            customer_key: None,
            requester_pays: false,
            tags: Vec::new(),
            chunk_size: 5 << 20,
            http,
            objects: ObjectSettings::default(),
            now,
        }
    }

    /// The server that requests go to where no other one is named.
    #[must_use]
    pub fn connection(bucket: &str, endpoint: &Endpoint, style: UriStyle) -> Endpoint {
        match style {
            UriStyle::Path => endpoint.clone(),
            UriStyle::Host => Endpoint {
                host: format!("{bucket}.{}", endpoint.host),
                ..endpoint.clone()
            },
        }
    }
}
