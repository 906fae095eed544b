//! Options of the command `server`.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::{Config, option};

use super::clients::Clients;
use crate::error::Result;
use crate::remote::tls::socket::KeepAlive;
use crate::remote::tls::{Ciphers, settings};

/// Where the server listens, what it shows, and whom it lets in.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) authorities: PathBuf,
    pub(super) clients: Clients,
    pub(super) ciphers: Ciphers,
    /// Time for the handshake of a client.
    pub(super) within: Duration,
    pub(super) keep_alive: KeepAlive,
}

impl Settings {
    pub(super) fn from(config: &Config) -> Result<Self> {
        // All of them are required, so that each has a value here.
        let text = |option| config.string(option).unwrap_or_default().to_owned();
        let path = |option| PathBuf::from(text(option));
        Ok(Self {
            address: text(option::TLS_SERVER_ADDRESS),
            port: settings::server_port(config),
            certificate: path(option::TLS_SERVER_CERT_FILE),
            key: path(option::TLS_SERVER_KEY_FILE),
            authorities: path(option::TLS_SERVER_CA_FILE),
            clients: Clients::new(
                config.map(option::TLS_SERVER_AUTH).unwrap_or_default(),
                config.map(option::TLS_SERVER_RIGHTS).unwrap_or_default(),
            )?,
            ciphers: settings::ciphers(config),
            within: settings::within(config),
            keep_alive: settings::keep_alive(config),
        })
    }
}
