//! The session over a socket: each question is a statement, each answer is read strictly.
//!
//! Statements go in the simple protocol, whose values are text. The server ends a statement that takes longer than
//! `db-timeout`; another thread can end one through the [`CancelHandle`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::error::{DbError, Severity, SqlState};
use postgres::{Client, NoTls, SimpleQueryMessage};

use super::cancel::{CancelHandle, CancelState};
use super::row::{Row, cancelled, columns, number, parsed, required, unreadable};
use super::{
    Archived, BackupStart, BackupStop, Database, Health, Session, SessionSettings, Tablespace,
    connect, statement,
};
use crate::error::{Error, ErrorKind, Result};
use crate::lsn::Lsn;
use crate::version::PgVersion;
use crate::wal::segment::WalSegment;

/// A session with a cluster on this host.
pub struct PgSession {
    client: Client,
    cancel: Arc<CancelState>,
    timeout: Duration,
    version: PgVersion,
    data_directory: String,
    archive_mode: String,
    archive_command: String,
    checkpoint_timeout: Duration,
    standby: bool,
}

impl std::fmt::Debug for PgSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgSession")
            .field("version", &self.version)
            .field("data_directory", &self.data_directory)
            .field("standby", &self.standby)
            .finish_non_exhaustive()
    }
}

impl PgSession {
    /// Connects, prepares the session and asks what does not change.
    pub fn open(settings: &SessionSettings) -> Result<Self> {
        let mut session = Self {
            client: connect::connect(settings)?,
            cancel: Arc::default(),
            timeout: settings.timeout,
            version: PgVersion::from_server_version_num(0),
            data_directory: String::new(),
            archive_mode: String::new(),
            archive_command: String::new(),
            checkpoint_timeout: Duration::ZERO,
            standby: false,
        };
        session.execute(&statement::set_statement_timeout(
            settings.timeout.as_millis(),
        ))?;
        for prepare in statement::PREPARE {
            session.execute(prepare)?;
        }
        session.read_settings()?;
        session.execute(&statement::set_application_name(&settings.application_name))?;
        if session.version >= PgVersion::V9_6 {
            session.execute(statement::NO_PARALLEL)?;
        }
        if session.version >= PgVersion::V14 {
            session.execute(statement::NO_IDLE_TIMEOUT)?;
        }
        session.standby = session.is_in_recovery()?;
        Ok(session)
    }

    fn read_settings(&mut self) -> Result<()> {
        let [
            version,
            data_directory,
            archive_mode,
            archive_command,
            checkpoint_timeout,
        ] = self.row(statement::SETTINGS)?;
        let (Some(version), Some(directory), Some(mode), Some(command), Some(timeout)) = (
            version,
            data_directory,
            archive_mode,
            archive_command,
            checkpoint_timeout,
        ) else {
            return Err(Error::new(
                ErrorKind::Query,
                "unable to select some rows from pg_settings",
            )
            .hint("is the backup running as the postgres user?")
            .hint("is the pg_read_all_settings role assigned for PostgreSQL >= 10?"));
        };
        self.version = PgVersion::from_server_version_num(number(statement::SETTINGS, &version)?);
        self.data_directory = directory;
        self.archive_mode = mode;
        self.archive_command = command;
        self.checkpoint_timeout = Duration::from_secs(number(statement::SETTINGS, &timeout)?);
        Ok(())
    }

    /// Runs a statement and returns all rows.
    fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        if !self.cancel.begin() {
            return Err(cancelled(sql));
        }
        let begin = Instant::now();
        let answer = self.client.simple_query(sql);
        self.cancel.end();
        let messages = answer.map_err(|error| self.explain(sql, &error, begin.elapsed()))?;
        let mut rows = Vec::new();
        for message in messages {
            let SimpleQueryMessage::Row(row) = message else {
                continue;
            };
            let value = |column| {
                row.try_get(column)
                    .map(|value: Option<&str>| value.map(str::to_owned))
            };
            let values: std::result::Result<Row, _> = (0..row.len()).map(value).collect();
            rows.push(values.map_err(|error| unreadable(sql, &connect::client_text(&error)))?);
        }
        Ok(rows)
    }

    fn explain(&self, sql: &str, error: &postgres::Error, elapsed: Duration) -> Error {
        let query = |message| Error::new(ErrorKind::Query, message);
        if self.cancel.is_requested() {
            return cancelled(sql);
        }
        match error.as_db_error() {
            // Someone else may have ended the statement too; then it ran for less than its time
            Some(server)
                if *server.code() == SqlState::QUERY_CANCELED && elapsed >= self.timeout =>
            {
                query(format!(
                    "query '{sql}' timed out after {}ms",
                    self.timeout.as_millis()
                ))
            }
            Some(server) if !ends_session(server) && !self.client.is_closed() => query(format!(
                "unable to execute query '{sql}': {}",
                connect::server_message(server)
            )),
            lost => {
                let reason =
                    lost.map_or_else(|| connect::client_text(error), connect::server_message);
                query(format!("unable to complete query '{sql}': {reason}"))
                    .hint("this is usually caused by the connection to PostgreSQL being lost while the query was running.")
                    .hint("check idle_session_timeout and idle_in_transaction_session_timeout for aggressive settings.")
                    .hint("check the PostgreSQL log and network for a crash, restart, or timeout.")
            }
        }
    }

    /// Runs a statement that gives no rows.
    fn execute(&mut self, sql: &str) -> Result<()> {
        if self.rows(sql)?.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Query,
            format!("no result expected from '{sql}'"),
        ))
    }

    /// Runs a statement that gives one row of so many columns.
    fn row<const COLUMNS: usize>(&mut self, sql: &str) -> Result<[Option<String>; COLUMNS]> {
        let mut rows = self.rows(sql)?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => columns(sql, row),
            _ => Err(Error::new(
                ErrorKind::Query,
                format!("expected one row from '{sql}'"),
            )),
        }
    }

    /// Runs a statement that gives one value.
    fn value(&mut self, sql: &str) -> Result<String> {
        let [value] = self.row(sql)?;
        required(sql, value)
    }
}

/// Whether the server says that it closes the connection.
fn ends_session(server: &DbError) -> bool {
    matches!(
        server.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    )
}

impl Session for PgSession {
    fn server_version(&self) -> PgVersion {
        self.version
    }

    fn data_directory(&self) -> &str {
        &self.data_directory
    }

    fn archive_mode(&self) -> &str {
        &self.archive_mode
    }

    fn archive_command(&self) -> &str {
        &self.archive_command
    }

    fn checkpoint_timeout(&self) -> Duration {
        self.checkpoint_timeout
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn is_standby(&self) -> bool {
        self.standby
    }

    fn is_in_recovery(&mut self) -> Result<bool> {
        Ok(self.value(statement::IN_RECOVERY)? == "t")
    }

    fn time_ms(&mut self) -> Result<u64> {
        number(statement::TIME_MS, &self.value(statement::TIME_MS)?)
    }

    fn current_wal_file(&mut self) -> Result<WalSegment> {
        let sql = statement::current_wal_file(self.version);
        let [name] = self.row(&sql)?;
        parsed(&sql, name)
    }

    fn start_backup(&mut self, label: &str, fast: bool) -> Result<BackupStart> {
        let time_ms = self.time_ms()?;
        let sql = statement::start_backup(self.version, label, fast);
        let [lsn, wal_file] = self.row(&sql)?;
        Ok(BackupStart {
            lsn: parsed(&sql, lsn)?,
            wal_file: parsed(&sql, wal_file)?,
            time_ms,
        })
    }

    fn stop_backup(&mut self) -> Result<BackupStop> {
        let sql = statement::stop_backup(self.version);
        let [lsn, wal_file, backup_label, tablespace_map] = self.row(&sql)?;
        Ok(BackupStop {
            lsn: parsed(&sql, lsn)?,
            wal_file: parsed(&sql, wal_file)?,
            backup_label: required(&sql, backup_label)?,
            tablespace_map: tablespace_map.filter(|map| !map.trim().is_empty()),
            time_ms: self.time_ms()?,
        })
    }

    fn create_restore_point(&mut self, name: &str) -> Result<()> {
        self.value(&statement::create_restore_point(name)).map(drop)
    }

    fn switch_wal(&mut self) -> Result<WalSegment> {
        let sql = statement::switch_wal(self.version);
        let [name] = self.row(&sql)?;
        parsed(&sql, name)
    }

    fn databases(&mut self) -> Result<Vec<Database>> {
        let sql = statement::DATABASES;
        let database = |row| {
            let [oid, name, last_system_oid] = columns(sql, row)?;
            Ok(Database {
                oid: number(sql, &required(sql, oid)?)?,
                name: required(sql, name)?,
                last_system_oid: last_system_oid.map_or(Ok(0), |oid| number(sql, &oid))?,
            })
        };
        self.rows(sql)?.into_iter().map(database).collect()
    }

    fn tablespaces(&mut self) -> Result<Vec<Tablespace>> {
        let sql = statement::TABLESPACES;
        let tablespace = |row| {
            let [oid, name] = columns(sql, row)?;
            Ok(Tablespace {
                oid: number(sql, &required(sql, oid)?)?,
                name: required(sql, name)?,
            })
        };
        self.rows(sql)?.into_iter().map(tablespace).collect()
    }

    fn replay_lsn(&mut self) -> Result<Option<Lsn>> {
        let sql = statement::replay_lsn(self.version);
        let [lsn] = self.row(&sql)?;
        lsn.map(|lsn| parsed(&sql, Some(lsn))).transpose()
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.execute(statement::CHECKPOINT)
    }

    fn checkpoint_lsn(&mut self) -> Result<Lsn> {
        let sql = statement::checkpoint_lsn(self.version);
        let [lsn] = self.row(&sql)?;
        parsed(&sql, lsn)
    }

    fn health(&mut self) -> Result<Health> {
        let sql = statement::health(self.version);
        let [
            wal_level,
            archive_timeout,
            full_page_writes,
            data_checksums,
            library,
            archived,
            last,
            last_at,
            failed,
            failed_at,
            current_wal,
            unfinished,
            now,
        ] = self.row(&sql)?;
        let event = |file: Option<String>, at: Option<String>| match (file, at) {
            (Some(file), Some(at)) => Ok(Some(Archived {
                file,
                at: number(&sql, &at)?,
            })),
            _ => Ok::<_, Error>(None),
        };
        Ok(Health {
            wal_level: required(&sql, wal_level)?,
            archive_timeout: Duration::from_secs(number(&sql, &required(&sql, archive_timeout)?)?),
            full_page_writes: required(&sql, full_page_writes)? == "on",
            data_checksums: required(&sql, data_checksums)? == "on",
            archive_library: library.unwrap_or_default(),
            archived: number(&sql, &required(&sql, archived)?)?,
            last_archived: event(last, last_at)?,
            last_failed: event(failed, failed_at)?,
            current_wal,
            unfinished: unfinished
                .iter()
                .flat_map(|names| names.lines().map(str::to_owned))
                .collect(),
            now: number(&sql, &required(&sql, now)?)?,
        })
    }

    fn cancel_handle(&self) -> CancelHandle {
        let (state, token) = (Arc::clone(&self.cancel), self.client.cancel_token());
        CancelHandle::new(move || {
            state.cancel(|| {
                // A request that cannot be sent is repeated like one that came too early
                if let Err(error) = token.cancel_query(NoTls) {
                    log::debug!(
                        "unable to send cancel request: {}",
                        connect::client_text(&error)
                    );
                }
            });
        })
    }
}
