//! Options of the clusters of a stanza.

mod cluster;
mod host;

pub use cluster::*;
pub use host::*;
