//! What every command shares: context, locks, workers, repositories. No command logic lives here.

pub mod advice;
pub mod background;
pub mod begin;
pub mod cancel;
pub mod clock;
pub mod cluster;
pub mod context;
#[cfg(feature = "faulty")]
pub mod fault;
pub mod hold;
pub mod label;
pub mod lock;
pub mod moved;
pub mod open;
pub mod person;
pub mod pool;
pub mod progress;
pub mod repo_path;
pub mod sftp;
pub mod sftp_report;
pub mod size_text;
pub mod spool;
pub mod stanza_info;
pub mod stop_file;
pub mod storages;
pub mod summary;
pub mod time_text;
pub mod wal_archive;
pub mod wal_find;
pub mod wal_path;
pub mod wal_window;

pub use context::Context;
pub use open::{PgHost, Repository};
