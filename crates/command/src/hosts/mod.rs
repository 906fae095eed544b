//! What a run works on: the repositories and the clusters that the configuration names, opened.

pub mod cluster;
#[cfg(feature = "faulty")]
pub mod fault;
pub mod open;
pub mod sftp;
pub mod stanza_info;
pub mod storages;

pub use open::{PgHost, Repository};
