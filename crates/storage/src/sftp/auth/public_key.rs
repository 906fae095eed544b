//! A public key that somebody else made, read from the file that was brought here.
//!
//! Invariant: what is returned is made anew from the key that was understood, so nothing else of the file gets any further.
#![allow(clippy::disallowed_methods)] // keys are files of this host

use std::path::Path;

use ssh_key::PublicKey;

use crate::{Error, ErrorKind, Operation, Result};

/// A public key file is one line.
const MOST: usize = 64 * 1024;

/// The key of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenKey {
    /// `ssh-ed25519 AAAA…`, without comment.
    pub public: String,
    pub comment: String,
    pub fingerprint: String,
}

/// Reads a file as `ssh-keygen` writes it beside the private key.
pub(crate) fn read(file: &Path) -> Result<GivenKey> {
    let broken = |why: &str| {
        let name = file.display().to_string();
        Error::new(ErrorKind::Broken, Operation::OpenRead, name, why)
    };
    let bytes = std::fs::read(file)
        .map_err(|error| Error::from_io(Operation::OpenRead, file.display().to_string(), &error))?;
    let text = std::str::from_utf8(&bytes[..bytes.len().min(MOST)]).unwrap_or_default();
    if text.contains("PRIVATE KEY") {
        return Err(broken("it is a private key")
            .with_hint("a private key stays on the host where it was made: bring only the file that ends in .pub here"));
    }
    let key = PublicKey::from_openssh(text.trim())
        .map_err(|error| broken(&format!("it is not the public key of an SSH key: {error}")))?;
    Ok(GivenKey {
        public: bare(&key).map_err(|why| broken(&why))?,
        comment: key.comment().to_string(),
        fingerprint: key.fingerprint(ssh_key::HashAlg::Sha256).to_string(),
    })
}

/// The key without its comment.
pub(crate) fn bare(key: &PublicKey) -> std::result::Result<String, String> {
    let mut key = key.clone();
    key.set_comment("");
    let text = key.to_openssh().map_err(|error| error.to_string())?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQtTWVTzd2t27+t0DEHBPW7iOD23TUiYLio";

    #[test]
    fn only_a_public_key_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keeper.pub");
        let given = |text: &str| {
            std::fs::write(&file, text).unwrap();
            read(&file)
        };
        let key = given(&format!("{KEY} me@there $(touch x)\n")).unwrap();
        assert_eq!(
            (key.public.as_str(), key.comment.as_str()),
            (KEY, "me@there $(touch x)")
        );
        let private = given("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n").unwrap_err();
        assert!(
            private.to_string().contains("is a private key"),
            "{private}"
        );
        for text in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            &format!("command=\"sh\" {KEY}"),
            "\u{0}\u{1}",
        ] {
            assert!(given(text).is_err(), "{text:?}");
        }
        assert!(read(&dir.path().join("none")).is_err());
    }
}
