//! How a key is shown.

use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use super::known_hosts::kind_name;
use super::pin;

/// The key in the form that is hashed.
pub(super) fn blob(key: &KeyData) -> Vec<u8> {
    PublicKey::from(key.clone()).to_bytes().unwrap_or_default()
}

/// `ED25519 SHA256:…`
pub(super) fn describe(key: &KeyData) -> String {
    format!("{} {}", kind_name(key), pin::openssh(&blob(key)))
}
