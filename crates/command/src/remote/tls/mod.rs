//! TLS between hosts: certificates, whom to trust, the handshake, and a connection as two streams.
//!
//! Client and server use the same parts. Nothing here knows options or what is said over a connection. The rules for
//! certificates are those of OpenSSL as pgBackRest uses it; rustls does all that is cryptography.

mod again;
mod certificate;
mod ciphers;
mod der;
mod endpoint;
mod files;
mod handshake;
mod names;
pub mod settings;
pub mod socket;
mod streams;
#[cfg(test)]
mod tests;
mod trust;
mod verifier;
mod web;

pub use again::secure_again;
pub use ciphers::Ciphers;
pub use endpoint::{Caller, NotSecured, Reception, Wanted, accept, connect, try_connect};
pub use files::{Identity, load_authorities, load_trust};
pub(crate) use files::{check_access, read};
pub use streams::{Ender, Secured, TlsFailure};
pub(crate) use web::web_server;
