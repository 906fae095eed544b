//! One SSH connection: TCP to any address of the host, handshake, identity, login, SFTP channels.
//!
//! Nothing here knows files. `engine` speaks SFTP over the channels that are opened here.

pub(crate) mod algorithms;
pub(crate) mod attempts;
pub(crate) mod connect;
pub(crate) mod host_keys;
pub(crate) mod session;
