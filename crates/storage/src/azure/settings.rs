//! What an Azure repository is told: where its container is, who we are, how blobs are stored.
//!
//! Only values live here. The layer above turns options into this struct; nothing below reads options.

use secrecy::SecretString;

use crate::http::{Endpoint, HttpSettings, Now};
use crate::object::ObjectSettings;

/// How requests name the account (`repo-azure-uri-style`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UriStyle {
    /// In the host: `account.endpoint/container`.
    #[default]
    Host,
    /// At the beginning of the path: `endpoint/account/container`.
    Path,
}

/// What requests are authorized with (`repo-azure-key-type`).
#[derive(Debug, Clone)]
pub enum Access {
    /// A key of the account, in base64: requests are signed with it.
    Shared(SecretString),
    /// A shared access signature: a query that is added to each request.
    Sas(SecretString),
    /// The managed identity of the machine, as its metadata service gives tokens for it.
    Auto {
        /// `http://169.254.169.254` but in tests.
        metadata: Endpoint,
    },
}

/// Everything about a container and how it is used.
#[derive(Debug, Clone)]
pub struct AzureSettings {
    pub account: String,
    pub container: String,
    /// Name of the service, without the account.
    pub endpoint: Endpoint,
    pub uri_style: UriStyle,
    pub access: Access,
    /// Tags of every blob.
    pub tags: Vec<(String, String)>,
    /// Size of the first blocks of an upload; later ones are larger.
    pub chunk_size: usize,
    /// Connection; its server is [`AzureSettings::connection`] unless another one was named.
    pub http: HttpSettings,
    pub objects: ObjectSettings,
    pub now: Now,
}

impl AzureSettings {
    /// Settings with every default: host style, 4 MiB blocks, the connection goes to the endpoint.
    #[must_use]
    pub fn new(
        account: impl Into<String>,
        container: impl Into<String>,
        endpoint: Endpoint,
        access: Access,
        now: Now,
    ) -> Self {
        let account = account.into();
        let http = HttpSettings::new(Self::connection(&account, &endpoint, UriStyle::Host));
        Self {
            account,
            container: container.into(),
            endpoint,
            uri_style: UriStyle::Host,
            access,
            tags: Vec::new(),
            chunk_size: 4 << 20,
            http,
            objects: ObjectSettings::default(),
            now,
        }
    }

    /// The server that requests go to where no other one is named.
    #[must_use]
    pub fn connection(account: &str, endpoint: &Endpoint, style: UriStyle) -> Endpoint {
        match style {
            UriStyle::Path => endpoint.clone(),
            UriStyle::Host => Endpoint {
                host: format!("{account}.{}", endpoint.host),
                ..endpoint.clone()
            },
        }
    }
}
