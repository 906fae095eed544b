//! The throw-away cluster: initdb, start, stop, and SQL through psql.
#![allow(clippy::disallowed_methods)] // postgresql.conf of a scratch cluster is written directly

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::shell;
use super::workplace::{PORT, Workplace};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Longest wait for the cluster to do something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stops the server when it goes.
#[derive(Debug)]
pub(super) struct Cluster<'a> {
    place: &'a Workplace,
}

/// A client that inserts rows until it is told to stop.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    cluster: &'a Cluster<'a>,
    child: Child,
}

impl<'a> Cluster<'a> {
    pub(super) fn create(place: &'a Workplace) -> Result<Self> {
        let data = place.data_path();
        let data_text = data.to_string_lossy().into_owned();
        shell::run(place.server_command(
            "initdb",
            &[
                "-D",
                &data_text,
                "-U",
                "demo",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--data-checksums",
            ],
        ))?;
        let settings = format!(
            "\nlisten_addresses = ''\nunix_socket_directories = '{root}/run'\nport = {PORT}\nwal_level = replica\n\
             archive_mode = on\narchive_command = '{archiver} --config={config} --stanza=demo archive-push %p'\n\
             max_wal_senders = 2\nshared_buffers = 32MB\nlog_min_messages = warning\n",
            root = place.root().display(),
            archiver = place.archiver().display(),
            config = place.config().display(),
        );
        let path = data.join("postgresql.conf");
        let append = || {
            std::fs::OpenOptions::new()
                .append(true)
                .open(&path)?
                .write_all(settings.as_bytes())
        };
        append().map_err(|error| {
            Error::new(
                ErrorCode::FileWrite,
                format!("unable to write '{}': {error}", path.display()),
            )
        })?;
        Ok(Self { place })
    }

    pub(super) fn start(&self) -> Result<()> {
        self.pg_ctl(&["start", "-w", "-t", "60"]).map(|_| ())
    }

    pub(super) fn stop(&self) -> Result<()> {
        self.pg_ctl(&["stop", "-w", "-t", "60", "-m", "fast"])
            .map(|_| ())
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<()> {
        let data: PathBuf = self.place.data_path();
        let log = self.place.root().join("log/postgresql.log");
        let mut command = self.place.server_command(
            "pg_ctl",
            &["-D", &data.to_string_lossy(), "-l", &log.to_string_lossy()],
        );
        // The server inherits these. It must not keep the pipe open on which we would wait.
        command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = command.status().map_err(|error| {
            Error::new(
                ErrorCode::Execute,
                format!("unable to execute 'pg_ctl': {error}"),
            )
        })?;
        if status.success() {
            return Ok(());
        }
        let log_text = std::fs::read_to_string(&log).unwrap_or_default();
        let tail: Vec<&str> = log_text.lines().rev().take(12).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(Error::new(
            ErrorCode::Execute,
            format!(
                "pg_ctl {} failed with {status}:\n{}",
                arguments[0],
                tail.join("\n")
            ),
        ))
    }

    /// Runs a statement.
    pub(super) fn sql(&self, sql: &str) -> Result<()> {
        self.text(sql).map(|_| ())
    }

    /// The one value a query gives.
    pub(super) fn text(&self, sql: &str) -> Result<String> {
        Ok(shell::run(self.place.psql(sql))?.trim_end().to_owned())
    }

    /// The one number a query gives.
    pub(super) fn number<T: FromStr>(&self, sql: &str) -> Result<T> {
        let text = self.text(sql)?;
        text.parse().map_err(|_| {
            Error::new(
                ErrorCode::Format,
                format!("'{text}' is not the number '{sql}' should give"),
            )
        })
    }

    /// Starts to insert rows, one short transaction after the other.
    pub(super) fn start_writer(&self) -> Result<Writer<'_>> {
        self.sql(
            "create or replace procedure write_on() language plpgsql as $$ begin loop \
             insert into event (what) select 'written ' || g from generate_series(1, 20) g; commit; \
             perform pg_sleep(0.002); end loop; end $$",
        )?;
        let mut command = self.place.psql("call write_on()");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| {
            Error::new(
                ErrorCode::Execute,
                format!("unable to execute 'psql': {error}"),
            )
        })?;
        Ok(Writer {
            cluster: self,
            child,
        })
    }

    /// Waits until every finished segment is in the archive.
    pub(super) fn wait_until_archived(&self, context: &Context) -> Result<()> {
        let last = "select coalesce(last_archived_wal, '') >= pg_walfile_name(pg_current_wal_lsn() - 1) \
                    or pg_walfile_name(pg_current_wal_lsn() - 1) = pg_walfile_name(pg_current_wal_lsn()) from pg_stat_archiver";
        self.wait_for(context, "the last WAL segment to be archived", last)
    }

    /// Waits until the second in which the last backup ended is over: a set is chosen for a point in time by its stop time
    /// in whole seconds, which must lie before the target.
    pub(super) fn wait_until_next_second(&self, context: &Context) -> Result<()> {
        let next =
            self.text("select date_trunc('second', clock_timestamp()) + interval '1 second'")?;
        let passed = format!("select clock_timestamp() > timestamptz '{next}'");
        self.wait_for(context, "the next second", &passed)
    }

    /// Waits until recovery has ended.
    pub(super) fn wait_until_promoted(&self, context: &Context) -> Result<()> {
        self.wait_for(context, "recovery to end", "select not pg_is_in_recovery()")
    }

    fn wait_for(&self, context: &Context, what: &str, sql: &str) -> Result<()> {
        let began = Instant::now();
        while self.text(sql)? != "t" {
            context.cancel.check()?;
            if began.elapsed() > PATIENCE {
                return Err(Error::new(
                    ErrorCode::Execute,
                    format!("waited {} s in vain for {what}", PATIENCE.as_secs()),
                ));
            }
            context.clock.sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        // Stopped already in the usual course; after an error this ends the server.
        if self.place.data_path().join("postmaster.pid").exists() {
            let _ = self.pg_ctl(&["stop", "-w", "-t", "30", "-m", "immediate"]);
        }
    }
}

impl Writer<'_> {
    pub(super) fn stop(mut self) -> Result<()> {
        self.cluster.sql("select pg_terminate_backend(pid) from pg_stat_activity where query = 'call write_on()'")?;
        // Ended by us, so its status says nothing.
        let _ = self.child.wait();
        Ok(())
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
