//! A user certificate beside the key (`<key>-cert.pub`), or where the settings say.
#![allow(clippy::disallowed_methods)] // reads the certificate

use std::path::{Path, PathBuf};

use russh::keys::{Certificate, PublicKey};

use super::failure::refused;
use crate::Result;
use crate::sftp::settings::SftpSettings;

/// `Ok(None)`: there is none. A certificate that was asked for by name must be there and fit the key.
pub(super) fn load(
    settings: &SftpSettings,
    key_file: &Path,
    key: &PublicKey,
) -> Result<Option<Certificate>> {
    let (file, asked) = match &settings.certificate_file {
        Some(file) => (file.clone(), true),
        None => {
            let mut name = key_file.as_os_str().to_owned();
            name.push("-cert.pub");
            (PathBuf::from(name), false)
        }
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if !asked && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(refused(
                settings,
                format!(
                    "unable to read certificate file '{}': {error}",
                    file.display()
                ),
            ));
        }
    };
    let certificate = Certificate::from_openssh(text.trim()).map_err(|error| {
        refused(
            settings,
            format!(
                "certificate file '{}' is not understood: {error}",
                file.display()
            ),
        )
    })?;
    if certificate.public_key() != key.key_data() {
        return Err(refused(
            settings,
            format!("certificate file '{}' is for another key", file.display()),
        )
        .with_hint(format!(
            "show it with: ssh-keygen -L -f '{}'",
            file.display()
        )));
    }
    Ok(Some(certificate))
}
