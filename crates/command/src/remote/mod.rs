//! Other hosts: how a run reaches one, what is said on the wire, and what runs there.
//!
//! `link` is one other host as a run sees it, `connect` makes one from options, `wire` the messages, `serve` what answers them on
//! the other host, `rights` what a client may ask for, `tls` one of the two ways to another host,
//! `relay` a connection that outlives a command. The traits that commands use
//! over a link, `PgHost` and `Storage`, are in `hosts`.

pub mod connect;
pub mod dial;
#[cfg(test)]
pub(crate) mod in_memory;
pub mod link;
pub mod network_lz4;
pub mod own_side;
pub mod relay;
pub mod rights;
pub mod serve;
pub mod tls;
pub mod wire;
