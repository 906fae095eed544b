//! The chain of passphrases (`docs/format/compression-and-encryption.md`): each encrypts the files in which the next is kept.
//!
//! The user's passphrase opens `archive.info` and `backup.info`. The first has the passphrase of all WAL, the second that
//! of the manifests. A manifest has that of its backup's files, one for a whole full set. An encrypted repository has all
//! of them, another has none.

use pgkeep_pipeline::cipher;
use secrecy::SecretString;

use crate::error::Result;
use crate::manifest::Manifest;

/// A new passphrase for what depends on a file that is encrypted with `outer`; none if it is not encrypted.
///
/// Used for `archive.info` and `backup.info` of a new stanza and for the manifest of a full backup.
pub fn dependent_pass(outer: Option<&SecretString>) -> Result<Option<SecretString>> {
    outer
        .map(|_| cipher::generate_pass())
        .transpose()
        .map_err(Into::into)
}

/// The passphrase of a backup's files: a full backup gets a new one, a diff or incr shares its prior's, a resumed
/// backup keeps what its files were encrypted with. `manifest_pass` is that of `backup.info`.
pub fn backup_pass(
    manifest_pass: Option<&SecretString>,
    inherited: Option<&Manifest>,
) -> Result<Option<SecretString>> {
    match inherited {
        Some(manifest) => Ok(manifest.cipher_pass.clone()),
        None => dependent_pass(manifest_pass),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn only_encrypted_files_get_a_passphrase_for_their_dependents() {
        assert!(dependent_pass(None).unwrap().is_none());
        let outer = SecretString::from("outer");
        let (one, other) = (
            dependent_pass(Some(&outer)).unwrap(),
            dependent_pass(Some(&outer)).unwrap(),
        );
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.expose_secret().len(), 64);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
