//! SFTP protocol version 3: packets, messages, attributes, status codes and OpenSSH's extensions.
//!
//! Pure encoding and decoding; nothing here waits or knows a connection. Names and handles are bytes.

pub(crate) mod attributes;
pub(crate) mod extension;
pub(crate) mod message;
pub(crate) mod packet;
pub(crate) mod status;
