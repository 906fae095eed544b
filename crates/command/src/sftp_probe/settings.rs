//! The options of `sftp-probe`. The only file of this command that names options.

use std::time::Duration;

use pgkeep_config::option;
use pgkeep_storage::sftp::SftpSettings;

use crate::error::Result;
use crate::hosts::repository;
use crate::run::Context;

/// Typed options of `sftp-probe`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) repo_key: u32,
    pub(super) sftp: SftpSettings,
    pub(super) json: bool,
    /// How long to wait for the server to end an idle connection; zero: not at all.
    pub(super) idle: Duration,
    /// Most bytes to send and to fetch.
    pub(super) size: u64,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// No repository, or the one named, is on an SFTP server.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let (repo_key, sftp) = repository::sftp::server(context)?;
        Ok(Self {
            repo_key,
            sftp,
            json: config.string(option::OUTPUT) == Some("json"),
            idle: config.time(option::PROBE_IDLE).unwrap_or_default(),
            size: config.size(option::PROBE_SIZE).unwrap_or(64 << 20),
        })
    }
}
