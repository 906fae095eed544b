//! Reads a private key file: OpenSSH, PKCS#1 and PKCS#8 forms, plain or encrypted.
//!
//! The mode rule is OpenSSH's: refused only if we own the file and group or others have any right, so that
//! `root:postgres 0640` works.
#![allow(clippy::disallowed_methods)] // the only place that reads a private key

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use russh::keys::PrivateKey;
use secrecy::{ExposeSecret, SecretString};

use super::failure::refused;
use crate::Result;
use crate::sftp::settings::SftpSettings;

pub(crate) fn load(settings: &SftpSettings, file: &Path) -> Result<PrivateKey> {
    let name = file.display();
    let unreadable = |error: std::io::Error| {
        refused(settings, format!("unable to read private key file '{name}': {error}")).with_hint(format!(
            "the file must be readable by the user that runs this: ls -l '{name}'; check repo-sftp-private-key-file"
        ))
    };
    let info = std::fs::metadata(file).map_err(unreadable)?;
    if info.uid() == rustix::process::geteuid().as_raw() && info.mode() & 0o077 != 0 {
        return Err(refused(
            settings,
            format!(
                "private key file '{name}' is open to others (mode {:04o})",
                info.mode() & 0o7777
            ),
        )
        .with_hint(format!("chmod 600 '{name}'")));
    }
    let text = std::fs::read_to_string(file)
        .map(SecretString::from)
        .map_err(unreadable)?;
    let passphrase = settings
        .private_key_passphrase
        .as_ref()
        .map(ExposeSecret::expose_secret);
    match russh::keys::decode_secret_key(text.expose_secret(), passphrase) {
        Ok(key) if key.is_encrypted() => Err(encrypted(settings, file)),
        Ok(key) => Ok(key),
        Err(russh::keys::Error::KeyIsEncrypted) => Err(encrypted(settings, file)),
        // An old encrypted form fails in several ways without, and with a wrong, passphrase.
        Err(_) if text.expose_secret().contains("ENCRYPTED") && passphrase.is_none() => Err(encrypted(settings, file)),
        Err(error) if passphrase.is_some() => Err(refused(
            settings,
            format!("unable to use private key file '{name}': the passphrase is wrong or the file is damaged ({error})"),
        )
        .with_hint(format!("try the passphrase with: ssh-keygen -y -f '{name}'"))),
        Err(error) => Err(refused(settings, format!("unable to use private key file '{name}': {error}"))
            .with_hint(format!("is it a private key (not the .pub file)? ssh-keygen -y -f '{name}'"))),
    }
}

/// Whether a key file needs a passphrase. Without one it opens, or says that it is encrypted.
pub(crate) fn is_encrypted(file: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(file).map(SecretString::from) else {
        return false;
    };
    let text = text.expose_secret();
    match russh::keys::decode_secret_key(text, None) {
        Ok(key) => key.is_encrypted(),
        Err(russh::keys::Error::KeyIsEncrypted) => true,
        Err(_) => text.contains("ENCRYPTED"),
    }
}

fn encrypted(settings: &SftpSettings, file: &Path) -> crate::Error {
    refused(
        settings,
        format!(
            "private key file '{}' is encrypted and no passphrase is given",
            file.display()
        ),
    )
    .with_hint("set repo-sftp-private-key-passphrase, or use a key without a passphrase")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn settings(file: &Path, text: &str, mode: u32) -> SftpSettings {
        std::fs::write(file, text).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        SftpSettings::new("h", "u", "/r")
    }

    // ssh-keygen -t ed25519 -N 'right'
    fn make(file: &Path, kind: &[&str], passphrase: &str) -> bool {
        let _ = std::fs::remove_file(file);
        std::process::Command::new("ssh-keygen")
            .args(["-q", "-N", passphrase, "-f"])
            .arg(file)
            .args(kind)
            .status()
            .is_ok_and(|status| status.success())
    }

    #[test]
    fn a_key_file_open_to_others_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let settings = settings(&file, "x", 0o640);
        let error = load(&settings, &file).unwrap_err();
        assert!(
            error.to_string().contains("is open to others (mode 0640)"),
            "{error}"
        );
        assert!(error.hints[0].starts_with("chmod 600"));
    }

    #[test]
    fn a_missing_or_senseless_key_file_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let settings = settings(&file, "no key", 0o600);
        assert!(
            load(&settings, &file)
                .unwrap_err()
                .to_string()
                .contains("unable to use private key file")
        );
        let error = load(&settings, &dir.path().join("none")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("unable to read private key file")
        );
    }

    #[test]
    fn encrypted_keys_open_with_the_right_passphrase_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let mut settings = SftpSettings::new("h", "u", "/r");
        for kind in [
            &["-t", "ed25519"][..],
            &["-t", "ecdsa"],
            &["-t", "rsa", "-b", "2048"],
            &["-t", "rsa", "-b", "2048", "-m", "PEM"],
        ] {
            assert!(
                make(&file, kind, "right horse"),
                "ssh-keygen is part of openssh-client"
            );
            settings.private_key_passphrase = None;
            assert!(
                load(&settings, &file)
                    .unwrap_err()
                    .to_string()
                    .contains("is encrypted"),
                "{kind:?}"
            );
            settings.private_key_passphrase = Some("wrong".into());
            assert!(
                load(&settings, &file)
                    .unwrap_err()
                    .to_string()
                    .contains("passphrase is wrong"),
                "{kind:?}"
            );
            settings.private_key_passphrase = Some("right horse".into());
            load(&settings, &file).unwrap();
        }
    }
}
