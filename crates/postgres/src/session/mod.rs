//! The SQL session with one cluster: what upper layers may ask, and the session over a socket that answers.
//!
//! [`Session`] has one method per question, so that a session on another host or a scripted one can stand in. A session
//! knows nothing of files: reading `pg_control` and waiting for the archive are the caller's. Dropping a session closes
//! the connection, and a server then ends a backup that this session had started.

mod cancel;
mod connect;
mod environment;
mod pg_session;
mod pgpass;
pub mod replay;
mod row;
pub mod scripted;
mod service;
mod settings;
mod statement;

use std::time::Duration;

pub use cancel::CancelHandle;
pub use environment::LibpqEnvironment;
pub use pg_session::PgSession;
pub use scripted::ScriptedSession;
pub use settings::SessionSettings;
pub use statement::UNFINISHED;

use crate::error::{Error, ErrorKind, Result};
use crate::lsn::Lsn;
use crate::version::PgVersion;
use crate::wal::segment::WalSegment;

/// Name of the restore point that makes sure there is something to archive before a segment switch.
pub const RESTORE_POINT: &str = "pgBackRest Archive Check";
/// Beginning of the label of a backup; the server adds the time.
pub const BACKUP_LABEL: &str = "pgBackRest backup started at ";

/// What the server answered to the start of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupStart {
    /// Where WAL replay must begin: the redo position of the backup's checkpoint.
    pub lsn: Lsn,
    /// The segment that holds `lsn`, with the timeline of the cluster.
    pub wal_file: WalSegment,
    /// Time of the server just before the call, in milliseconds since 1970.
    pub time_ms: u64,
}

/// What the server answered to the stop of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupStop {
    /// Up to where WAL is needed for the backup to be consistent.
    pub lsn: Lsn,
    /// The segment that holds `lsn`.
    pub wal_file: WalSegment,
    /// Content of the file `backup_label`.
    pub backup_label: String,
    /// Content of the file `tablespace_map`, unless it is blank.
    pub tablespace_map: Option<String>,
    /// Time of the server just after the call, in milliseconds since 1970.
    pub time_ms: u64,
}

/// What tells how well a cluster can be backed up: settings, and the counters of its archiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    pub wal_level: String,
    pub archive_timeout: Duration,
    pub full_page_writes: bool,
    pub data_checksums: bool,
    /// `archive_library` of version 15 and later; empty: `archive_command` is used.
    pub archive_library: String,
    /// Files the archiver has done, and last of them.
    pub archived: u64,
    pub last_archived: Option<Archived>,
    pub last_failed: Option<Archived>,
    /// The segment that WAL is being inserted into; `None` on a standby.
    pub current_wal: Option<String>,
    /// Databases with a comment that begins with [`UNFINISHED`] and nobody in them, as SQL names them.
    pub unfinished: Vec<String>,
    /// Time of the server in seconds since 1970.
    pub now: i64,
}

/// A file the archiver was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    pub file: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// A database of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub oid: u32,
    pub name: String,
    /// The oid of `template0`, the same in every row; 0 if it was dropped.
    pub last_system_oid: u32,
}

/// A tablespace of the cluster, the two built-in ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tablespace {
    pub oid: u32,
    pub name: String,
}

/// A SQL connection to one cluster, local or remote.
///
/// # Behavior
/// - What is asked with `&self` was answered once, when the session was opened.
/// - A call that fails leaves the session usable, unless the connection was lost or the run cancelled.
/// - A server message becomes an error of kind `Query` that quotes the statement.
pub trait Session: Send {
    /// The major version of the server.
    fn server_version(&self) -> PgVersion;

    /// The setting `data_directory`.
    fn data_directory(&self) -> &str;

    /// The setting `archive_mode`: `off`, `on` or `always`.
    fn archive_mode(&self) -> &str;

    /// The setting `archive_command`; `(disabled)` if archiving is off.
    fn archive_command(&self) -> &str;

    /// The setting `checkpoint_timeout`.
    fn checkpoint_timeout(&self) -> Duration;

    /// How long one statement may take (`db-timeout`).
    fn timeout(&self) -> Duration;

    /// Whether the cluster was in recovery when the session was opened.
    fn is_standby(&self) -> bool;

    /// Whether the cluster is in recovery now.
    fn is_in_recovery(&mut self) -> Result<bool>;

    /// Time of the server, in milliseconds since 1970.
    fn time_ms(&mut self) -> Result<u64>;

    /// The segment that WAL is being inserted into.
    fn current_wal_file(&mut self) -> Result<WalSegment>;

    /// Starts a non-exclusive backup and waits for its checkpoint, a quick one if `fast`. The server adds the current time
    /// to the label, which is normally [`BACKUP_LABEL`].
    fn start_backup(&mut self, label: &str, fast: bool) -> Result<BackupStart>;

    /// Ends the backup this session has started, without waiting for the archive.
    fn stop_backup(&mut self) -> Result<BackupStop>;

    /// Writes a named restore point into the WAL.
    fn create_restore_point(&mut self, name: &str) -> Result<()>;

    /// Ends the current segment and returns its name.
    fn switch_wal(&mut self) -> Result<WalSegment>;

    /// All databases, in no particular order.
    fn databases(&mut self) -> Result<Vec<Database>>;

    /// All tablespaces, in no particular order.
    fn tablespaces(&mut self) -> Result<Vec<Tablespace>>;

    /// How far a standby has replayed; `None` if the cluster has never been in recovery.
    fn replay_lsn(&mut self) -> Result<Option<Lsn>>;

    /// Makes a checkpoint, on a standby a restart point, and waits for it.
    fn checkpoint(&mut self) -> Result<()>;

    /// Position of the latest checkpoint according to `pg_control`.
    fn checkpoint_lsn(&mut self) -> Result<Lsn>;

    /// Settings and counters, in one statement.
    fn health(&mut self) -> Result<Health>;

    /// A handle with which another thread ends the statement that is running.
    fn cancel_handle(&self) -> CancelHandle;

    /// Forces a segment into the archive even if nothing was written since the last switch.
    fn switch_wal_for_archive(&mut self) -> Result<WalSegment> {
        self.create_restore_point(RESTORE_POINT)?;
        self.switch_wal()
    }

    /// Makes sure that the cluster still is what it was when the session was opened, primary or standby.
    fn ping(&mut self) -> Result<()> {
        match (self.is_standby(), self.is_in_recovery()?) {
            (true, false) => Err(Error::new(
                ErrorKind::Mismatch,
                "standby is no longer in recovery",
            )
            .hint("was the standby promoted during the backup?")),
            (false, true) => Err(Error::new(
                ErrorKind::Mismatch,
                "primary has switched to recovery",
            )),
            _ => Ok(()),
        }
    }
}
