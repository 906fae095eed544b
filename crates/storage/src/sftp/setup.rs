//! What has to be there before an SFTP repository can be used: a key of ours, and the server's keys known.
//!
//! For the command that sets a server up; a storage never does any of this by itself.

use std::path::{Path, PathBuf};

pub use super::auth::new_key::KeyPair;
pub use super::auth::public_key::GivenKey;
pub use super::identity::learned::{HostKey, Standing};

use super::auth::{new_key, public_key};
use super::identity::learned;
use super::settings::SftpSettings;
use super::ssh::host_keys;
use crate::Result;

/// Takes the private key at `file`, or makes an Ed25519 key there, with the passphrase of the settings if they have one.
///
/// # Errors
/// A key that is there and cannot be used; files that cannot be written. What is there is never written over.
pub fn key_pair(settings: &SftpSettings, file: &Path, comment: &str) -> Result<KeyPair> {
    new_key::make_or_take(settings, file, comment)
}

/// Reads the public key of somebody else, as `ssh-keygen` writes it beside the private key.
///
/// # Errors
/// A file that cannot be read, or holds anything but one public key.
pub fn given_key(file: &Path) -> Result<GivenKey> {
    public_key::read(file)
}

/// Asks the server for its host keys and compares them with known_hosts. Nothing is trusted, no login is tried.
///
/// # Errors
/// A server that cannot be reached, or has no key of a kind that is accepted.
pub fn host_keys(settings: &SftpSettings) -> Result<Vec<HostKey>> {
    let keys = super::runtime()?.block_on(host_keys::learn(settings))?;
    Ok(learned::compare(settings, keys))
}

/// Adds confirmed keys to the first known_hosts file of the settings; returns its name.
///
/// # Errors
/// A file that cannot be written, or no home directory to have it in.
pub fn trust(settings: &SftpSettings, keys: &[&HostKey]) -> Result<PathBuf> {
    learned::write_down(settings, keys)
}
