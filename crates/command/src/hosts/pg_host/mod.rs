//! The host of a cluster: the one way to a cluster's files and to its server.
//!
//! [`PgHost`] is what every host can do, [`ReadRequest`] and its kin are how a file is read there, and [`open`] chooses the
//! host that the configuration names: `local` is the host that the command runs on, `remote` the one of `pgN-host`.
//!
//! restore, archive-push and archive-get run on the host of the cluster, as with pgBackRest. What they do in the data
//! directory, the spool and the WAL directory is local and does not go through here.

#[cfg(test)]
mod conformance;
mod host;
mod local;
mod local_only;
mod open;
mod read_file;
mod remote;

pub use host::PgHost;
pub use local_only::require_local;
pub use open::open;
pub use read_file::{FileReceiver, OpenFile, ReadOutcome, ReadRequest};
pub use remote::{RemotePgHost, RemoteSettings};
