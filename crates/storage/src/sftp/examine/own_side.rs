//! What is to be said of our own side: the key file, and where the server's key is known from.
#![allow(clippy::disallowed_methods)] // looks at the key file, as `auth/key_file` does

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::connection::bits;
use crate::sftp::auth;
use crate::sftp::identity::verify;
use crate::sftp::settings::SftpSettings;
use crate::{Error, Result};

/// The private key that logs us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    pub file: PathBuf,
    /// Permission bits of the file.
    pub mode: u32,
    /// Permission bits of its directory.
    pub directory_mode: u32,
    pub algorithm: String,
    pub bits: usize,
    /// Whether a passphrase protects the file.
    pub encrypted: bool,
}

/// Looks at the private key; `None`: it is in an agent.
pub(super) fn own_key(settings: &SftpSettings) -> Result<Option<OwnKey>> {
    let Some(file) = &settings.private_key_file else {
        return Ok(None);
    };
    let key = auth::key_file::load(settings, file)?;
    let fail = |error: std::io::Error| {
        Error::from_io(crate::Operation::Info, file.display().to_string(), &error)
    };
    let info = std::fs::metadata(file).map_err(fail)?;
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
    let directory = std::fs::metadata(directory.unwrap_or(Path::new("."))).map_err(fail)?;
    Ok(Some(OwnKey {
        file: file.clone(),
        mode: info.mode() & 0o7777,
        directory_mode: directory.mode() & 0o7777,
        algorithm: key.algorithm().as_str().to_owned(),
        bits: bits(key.public_key().key_data()),
        encrypted: auth::key_file::is_encrypted(file),
    }))
}

/// Whether all fingerprints of these settings are SHA-256, whatever their form.
#[must_use]
pub fn fingerprints_are_strong(settings: &SftpSettings) -> bool {
    verify::pins_are_strong(settings)
}
