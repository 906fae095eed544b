//! What `archive-push` and `archive-get` share: paths of WAL, the spool, the processes that outlive a command.

pub mod background;
pub mod persist;
pub mod spool;
pub mod wal_path;
