//! How a server is reached: address, trust, proxy, patience.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::endpoint::Endpoint;

/// A proxy that makes tunnels (`CONNECT`).
#[derive(Debug, Clone)]
pub struct Proxy {
    pub address: Endpoint,
    /// Name and password, where it asks for them.
    pub login: Option<(String, SecretString)>,
}

/// What a client of one server is told. Only values; nothing below reads options or the environment.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The server that connections are made to. Its name is the one that its certificate must have.
    pub server: Endpoint,
    /// Check the certificate and its name.
    pub verify_tls: bool,
    /// Certificates of authorities to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Directory of such certificates, named by their hashes.
    pub ca_path: Option<PathBuf>,
    pub proxy: Option<Proxy>,
    /// Longest wait for anything that makes no progress, and for repetitions.
    pub io_timeout: Duration,
    /// Requests that may be under way at the same time.
    pub requests: usize,
}

impl HttpSettings {
    /// Settings with every default: certificates are checked against the system's authorities, 60 s, 64 requests.
    #[must_use]
    pub fn new(server: Endpoint) -> Self {
        Self {
            server,
            verify_tls: true,
            ca_file: None,
            ca_path: None,
            proxy: None,
            io_timeout: Duration::from_secs(60),
            requests: 64,
        }
    }
}
