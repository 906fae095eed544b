//! What is asked in a database session on another host, and what it answers.
//!
//! One session of the protocol lives as long as the database session. A statement that fails is answered by a value, because
//! the session goes on.

use std::time::Duration;

use pgkeep_postgres::session::{
    Archived, BackupStart, BackupStop, Database, Health, Session, Tablespace,
};
use pgkeep_postgres::{Error, ErrorKind, PgVersion, Result, WalSegment};
use serde::{Deserialize, Serialize};

/// Rows that are sent with one answer at most.
pub const MOST_ROWS: usize = 500;

/// The longest time that is believed (about 68 years): added to any other it is still one.
const LONGEST_SECONDS: u64 = 1 << 31;
/// The latest time that is believed, in milliseconds since 1970: the year 10889.
const LATEST_MS: u64 = 1 << 48;

/// Kinds of errors under the names that cross.
const KINDS: [(ErrorKind, &str); 10] = [
    (ErrorKind::Format, "format"),
    (ErrorKind::Checksum, "checksum"),
    (ErrorKind::Version, "version"),
    (ErrorKind::Config, "config"),
    (ErrorKind::Connect, "connect"),
    (ErrorKind::Query, "query"),
    (ErrorKind::Mismatch, "mismatch"),
    (ErrorKind::ReplayTimeout, "replay_timeout"),
    (ErrorKind::Cancelled, "cancelled"),
    (ErrorKind::Host, "host"),
];

/// What does not change during a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionOpened {
    /// As `server_version_num` has it.
    pub version: u32,
    pub data_directory: String,
    pub archive_mode: String,
    pub archive_command: String,
    /// Seconds.
    checkpoint_timeout: u64,
    /// `db-timeout` of that host, in milliseconds.
    timeout: u64,
    pub standby: bool,
}

impl SessionOpened {
    #[must_use]
    pub fn of(session: &dyn Session) -> Self {
        Self {
            version: session.server_version().number(),
            data_directory: session.data_directory().to_owned(),
            archive_mode: session.archive_mode().to_owned(),
            archive_command: session.archive_command().to_owned(),
            checkpoint_timeout: session.checkpoint_timeout().as_secs(),
            timeout: u64::try_from(session.timeout().as_millis()).unwrap_or(u64::MAX),
            standby: session.is_standby(),
        }
    }

    #[must_use]
    pub fn version(&self) -> PgVersion {
        PgVersion::from_server_version_num(self.version)
    }

    #[must_use]
    pub fn checkpoint_timeout(&self) -> Duration {
        seconds(self.checkpoint_timeout)
    }

    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout.min(LONGEST_SECONDS * 1000))
    }
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number.min(LONGEST_SECONDS))
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionAsk {
    IsInRecovery,
    TimeMs,
    CurrentWalFile,
    StartBackup { label: String, fast: bool },
    StopBackup,
    CreateRestorePoint { name: String },
    SwitchWal,
    Databases,
    Tablespaces,
    ReplayLsn,
    Checkpoint,
    CheckpointLsn,
    Health,
}

/// The answer to a question; those with rows come in several until `more` is not set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionAnswer {
    Done,
    Recovery(bool),
    Time(u64),
    Segment(String),
    Started {
        lsn: String,
        wal_file: String,
        time_ms: u64,
    },
    Stopped {
        lsn: String,
        wal_file: String,
        backup_label: String,
        #[serde(default)]
        tablespace_map: Option<String>,
        time_ms: u64,
    },
    Databases {
        rows: Vec<WireDatabase>,
        #[serde(default)]
        more: bool,
    },
    Tablespaces {
        rows: Vec<WireTablespace>,
        #[serde(default)]
        more: bool,
    },
    Lsn(Option<String>),
    Health(Box<WireHealth>),
    Failed(WireError),
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireDatabase {
    oid: u32,
    name: String,
    last_system_oid: u32,
}

impl From<Database> for WireDatabase {
    fn from(database: Database) -> Self {
        Self {
            oid: database.oid,
            name: database.name,
            last_system_oid: database.last_system_oid,
        }
    }
}

impl From<WireDatabase> for Database {
    fn from(database: WireDatabase) -> Self {
        Self {
            oid: database.oid,
            name: database.name,
            last_system_oid: database.last_system_oid,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireTablespace {
    oid: u32,
    name: String,
}

impl From<Tablespace> for WireTablespace {
    fn from(tablespace: Tablespace) -> Self {
        Self {
            oid: tablespace.oid,
            name: tablespace.name,
        }
    }
}

impl From<WireTablespace> for Tablespace {
    fn from(tablespace: WireTablespace) -> Self {
        Self {
            oid: tablespace.oid,
            name: tablespace.name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct WireArchived {
    file: String,
    at: i64,
}

impl From<Archived> for WireArchived {
    fn from(archived: Archived) -> Self {
        Self {
            file: archived.file,
            at: archived.at,
        }
    }
}

impl From<WireArchived> for Archived {
    fn from(archived: WireArchived) -> Self {
        Self {
            file: archived.file,
            at: moment(archived.at),
        }
    }
}

/// Settings and counters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireHealth {
    wal_level: String,
    /// Seconds.
    archive_timeout: u64,
    full_page_writes: bool,
    data_checksums: bool,
    archive_library: String,
    archived: u64,
    last_archived: Option<WireArchived>,
    last_failed: Option<WireArchived>,
    current_wal: Option<String>,
    unfinished: Vec<String>,
    now: i64,
}

impl From<Health> for WireHealth {
    fn from(health: Health) -> Self {
        Self {
            wal_level: health.wal_level,
            archive_timeout: health.archive_timeout.as_secs(),
            full_page_writes: health.full_page_writes,
            data_checksums: health.data_checksums,
            archive_library: health.archive_library,
            archived: health.archived,
            last_archived: health.last_archived.map(Into::into),
            last_failed: health.last_failed.map(Into::into),
            current_wal: health.current_wal,
            unfinished: health.unfinished,
            now: health.now,
        }
    }
}

impl From<WireHealth> for Health {
    fn from(health: WireHealth) -> Self {
        Self {
            wal_level: health.wal_level,
            archive_timeout: seconds(health.archive_timeout),
            full_page_writes: health.full_page_writes,
            data_checksums: health.data_checksums,
            archive_library: health.archive_library,
            archived: health.archived,
            last_archived: health.last_archived.map(Into::into),
            last_failed: health.last_failed.map(Into::into),
            current_wal: health.current_wal,
            unfinished: health.unfinished,
            now: moment(health.now),
        }
    }
}

/// A time in seconds since 1970, within what can be.
fn moment(at: i64) -> i64 {
    let latest = (LATEST_MS / 1000).cast_signed();
    at.clamp(-latest, latest)
}

impl SessionAnswer {
    #[must_use]
    pub fn started(start: BackupStart) -> Self {
        Self::Started {
            lsn: start.lsn.to_string(),
            wal_file: start.wal_file.to_string(),
            time_ms: start.time_ms,
        }
    }

    #[must_use]
    pub fn stopped(stop: BackupStop) -> Self {
        Self::Stopped {
            lsn: stop.lsn.to_string(),
            wal_file: stop.wal_file.to_string(),
            backup_label: stop.backup_label,
            tablespace_map: stop.tablespace_map,
            time_ms: stop.time_ms,
        }
    }
}

/// The start of a backup, from its parts.
///
/// # Errors
/// Parts that are no position, no segment or no time.
pub fn backup_start(lsn: &str, wal_file: &str, time_ms: u64) -> Result<BackupStart> {
    Ok(BackupStart {
        lsn: lsn.parse()?,
        wal_file: WalSegment::parse(wal_file)?,
        time_ms: time(time_ms)?,
    })
}

/// A time in milliseconds since 1970.
///
/// # Errors
/// It cannot be.
pub fn time(time_ms: u64) -> Result<u64> {
    if time_ms <= LATEST_MS {
        return Ok(time_ms);
    }
    let text = format!("the other host says that its time is {time_ms}ms since 1970");
    Err(Error::new(ErrorKind::Format, text))
}

/// An error of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireError {
    kind: String,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl From<&Error> for WireError {
    fn from(error: &Error) -> Self {
        let found = KINDS.iter().find(|(kind, _)| *kind == error.kind());
        Self {
            kind: found.map_or("", |(_, name)| name).to_owned(),
            message: error.message().to_owned(),
            hints: error.hints().to_vec(),
        }
    }
}

impl WireError {
    /// The error with the name of the host in front. What a later release tells apart is a failed statement here.
    #[must_use]
    pub fn error(self, prefix: &str) -> Error {
        let found = KINDS.iter().find(|(_, name)| *name == self.kind);
        let kind = found.map_or(ErrorKind::Query, |(kind, _)| *kind);
        let error = Error::new(kind, format!("{prefix}{}", self.message));
        self.hints.into_iter().fold(error, Error::hint)
    }
}

#[cfg(test)]
mod tests;
