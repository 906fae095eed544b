//! The options of `sftp-audit`. The only file of this command that names options.

use pgkeep_config::option;
use pgkeep_storage::sftp::SftpSettings;

use crate::error::Result;
use crate::hosts::repository;
use crate::run::Context;

/// Typed options of `sftp-audit`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) repo_key: u32,
    pub(super) sftp: SftpSettings,
    pub(super) json: bool,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// No repository, or the one named, is on an SFTP server.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let (repo_key, sftp) = repository::sftp::server(context)?;
        Ok(Self {
            repo_key,
            sftp,
            json: context.config.string(option::OUTPUT) == Some("json"),
        })
    }
}
