//! Who the server is: known_hosts as OpenSSH reads it, pinned fingerprints, and what to do with a new host.
//!
//! This and `auth` are the only parts of the backend that read local files. Nothing is sent to a server before
//! [`verify::Verifier::check`] has said yes, and every later connection must show the first one's key.

mod accept_new;
pub(crate) mod algorithm_order;
mod certificate;
mod fingerprint;
mod known_hosts;
mod known_hosts_files;
pub(crate) mod learned;
mod pin;
pub(crate) mod verify;
