//! The scratch server: made ready, started, followed while it replays WAL, and stopped.
#![allow(clippy::disallowed_methods)] // files of the scratch directory

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::ExitStatus;
use std::time::Duration;

use pgkeep_postgres::ControlFile;
use rustix::process::Signal;

use super::directory::Scratch;
use super::error::failed;
use super::private;
use super::process::{self, Guarded, PAUSE};
use super::programs::Programs;
use super::replayed::Replayed;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Where the server writes its log.
const LOG: &str = "log/server.err";
/// How much of its end is looked through for complaints.
const COMPLAINTS: u64 = 256 << 10;
/// How long an orderly stop may take: it writes all that was changed.
const STOP: Duration = Duration::from_secs(600);
/// Prepared transactions are kept in memory as many as there may be; more than any cluster has.
const PREPARED: u32 = 1000;

/// The running server.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    scratch: &'a Scratch,
    process: Guarded,
    /// What it recovers to, for people.
    moment: String,
}

/// Writes the settings and starts the server; it ends when the value is dropped.
///
/// # Errors
/// Files that cannot be written; a program that cannot be started.
pub(crate) fn start<'a>(
    scratch: &'a Scratch,
    settings: &Settings,
    programs: &Programs,
    major: u32,
    restore_command: &str,
) -> Result<Server<'a>> {
    let mut own = format!("max_prepared_transactions = {PREPARED}\n");
    for (name, megabytes) in private::wal_sizes(control(scratch)?.wal_segment_size) {
        own.push_str(&format!("{name} = {megabytes}MB\n"));
    }
    if !settings.left_out.is_empty() {
        // WAL may refer to pages of the databases that have no content here; `invalid_page` finds out which pages it were.
        own.push_str("ignore_invalid_pages = on\n");
    }
    for (name, value) in &settings.server {
        let quoted = value.replace('\\', "\\\\").replace('\'', "''");
        own.push_str(&format!("{name} = '{quoted}'\n"));
    }
    scratch.write("conf/postgresql.conf", &own)?;
    scratch.write("conf/pg_hba.conf", "local all all trust\n")?;
    scratch.write("conf/pg_ident.conf", "")?;
    let target = private::target_of(&scratch.read("data/postgresql.auto.conf"));
    scratch.write("data/postgresql.auto.conf", &target)?;
    // A backup of a standby may have it: it would follow its primary.
    remove(scratch, "data/standby.signal")?;
    let mut command = process::command(scratch, &programs.postgres);
    command
        .arg("-D")
        .arg(scratch.join("data"))
        .args(private::arguments(major, scratch.root(), restore_command))
        .stdout(std::process::Stdio::null());
    Ok(Server {
        scratch,
        process: process::start(scratch, &mut command, LOG)?,
        moment: settings.moment(),
    })
}

impl Server<'_> {
    /// Waits until recovery has ended and connections are accepted.
    ///
    /// # Errors
    /// The server ends; WAL that must not be replayed here.
    pub(crate) fn wait_until_ready(
        &mut self,
        context: &Context,
        replayed: &mut Replayed<'_>,
    ) -> Result<()> {
        loop {
            if let Some(status) = self.process.ended() {
                replayed.check()?;
                return Err(early_end(
                    status,
                    &self.moment,
                    &self.scratch.read_last(LOG, COMPLAINTS),
                ));
            }
            context.cancel.check()?;
            replayed.answer()?;
            let lines = self.scratch.read("data/postmaster.pid");
            if lines
                .lines()
                .nth(7)
                .is_some_and(|status| status.trim() == "ready")
            {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether its log says that recovery ended at the target.
    pub(crate) fn has_reached_target(&self) -> bool {
        fs::File::open(self.scratch.join(LOG)).is_ok_and(|file| {
            let mut lines = BufReader::new(file)
                .split(b'\n')
                .map_while(std::result::Result::ok);
            lines.any(|line| String::from_utf8_lossy(&line).contains("recovery stopping"))
        })
    }

    /// What its log says of a page that WAL refers to and that is not there, unless it is of a database that was left out.
    pub(crate) fn invalid_page(&self, left_out: &[u64]) -> Option<String> {
        let file = fs::File::open(self.scratch.join(LOG)).ok()?;
        let mut lines = BufReader::new(file)
            .split(b'\n')
            .map_while(std::result::Result::ok)
            .map(|line| String::from_utf8_lossy(&line).into_owned());
        lines.find(|line| {
            relation_of(line).is_some_and(|path| {
                let database = path.rsplit('/').nth(1).and_then(|oid| oid.parse().ok());
                !database.is_some_and(|oid| left_out.contains(&oid))
            })
        })
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// It does not end by itself.
    pub(crate) fn stop(mut self, context: &Context) -> Result<()> {
        self.process.ask(Signal::INT);
        let began = std::time::Instant::now();
        loop {
            match self.process.ended() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Error::new(
                        ErrorCode::Execute,
                        format!(
                            "the server ended with {status}:\n{}",
                            complaints(&self.scratch.read_last(LOG, COMPLAINTS))
                        ),
                    ));
                }
                None if began.elapsed() > STOP => {
                    return Err(Error::new(
                        ErrorCode::Execute,
                        format!("the server did not stop within {} s", STOP.as_secs()),
                    ));
                }
                None => {}
            }
            context.cancel.check()?;
            std::thread::sleep(PAUSE);
        }
    }
}

/// The error of a recovery that has not reached its target.
pub(crate) fn too_early(moment: &str) -> Error {
    Error::new(
        ErrorCode::BackupSetInvalid,
        format!("recovery ended before {moment}: the archived WAL does not lead to it"),
    )
    .with_hint("if it is right and the cluster is still there, its last WAL may not be archived yet: archive it (check) and try again.")
    .with_hint("another timeline is chosen with --target-timeline.")
}

/// Why recovery did not come to its end.
fn early_end(status: ExitStatus, moment: &str, log: &str) -> Error {
    // From version 13 on the server ends then; an older one opens the cluster, and the proofs tell it.
    if log.contains("recovery ended before configured recovery target was reached") {
        return too_early(moment);
    }
    Error::new(
        ErrorCode::Execute,
        format!(
            "the server ended with {status} before recovery was finished:\n{}",
            complaints(log)
        ),
    )
    .with_hint(
        "the lines are of the server's log; a setting it needs is given with --scratch-setting.",
    )
}

/// What a log says of an end that was not meant.
fn complaints(log: &str) -> String {
    const SHOWN: usize = 8;
    // Which setting it is stands in lines that are no errors.
    if log.contains("contains errors") {
        return process::tail(log, SHOWN);
    }
    let loud = |line: &&str| {
        [
            "FATAL: ", "PANIC: ", "ERROR: ", "ERROR: [", "HINT: ", "DETAIL: ", "WARN: ",
        ]
        .iter()
        .any(|word| line.contains(word))
    };
    let found: Vec<&str> = log.lines().filter(loud).collect();
    match found.is_empty() {
        true => process::tail(log, SHOWN),
        false => process::tail(&found.join("\n"), SHOWN),
    }
}

/// The path in `page 3 of relation base/16384/16390 is uninitialized`.
fn relation_of(line: &str) -> Option<&str> {
    let (before, after) = line.split_once(" of relation ")?;
    let invalid = after.ends_with(" is uninitialized") || after.ends_with(" does not exist");
    (before.contains("WARNING") && before.contains(" page ") && invalid)
        .then(|| after.split(' ').next())
        .flatten()
}

/// The control file of the restored cluster.
///
/// # Errors
/// It is missing or not understood.
pub(crate) fn control(scratch: &Scratch) -> Result<ControlFile> {
    let path = scratch.join("data/global/pg_control");
    let bytes =
        fs::read(&path).map_err(|error| failed(ErrorCode::FileRead, "read", &path, &error))?;
    Ok(ControlFile::parse(&bytes, None)?)
}

fn remove(scratch: &Scratch, name: &str) -> Result<()> {
    let path = scratch.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(ErrorCode::FileRemove, "remove", &path, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn an_early_end_names_the_moment_or_the_setting() {
        let end = |log: &str| early_end(ExitStatus::from_raw(1 << 8), "restore point 'x'", log);
        let error =
            end("UTC [1] FATAL:  recovery ended before configured recovery target was reached\n");
        assert_eq!(error.code, ErrorCode::BackupSetInvalid);
        let told = "recovery ended before restore point 'x': the archived WAL does not lead to it";
        assert_eq!(error.message, told);
        let wrong = "UTC [1] LOG:  invalid value for parameter \"shared_buffers\": \"much\"";
        let error = end(&format!(
            "{wrong}\nUTC [1] FATAL:  configuration file \"/x/postgresql.conf\" contains errors\n"
        ));
        assert_eq!(error.code, ErrorCode::Execute);
        assert!(error.message.contains(wrong), "{error}");
    }

    #[test]
    fn the_relation_of_an_invalid_page_is_read_from_the_log() {
        let path = |line: &str| relation_of(line).map(str::to_owned);
        let first =
            "2026-01-01 UTC [5] WARNING:  page 3 of relation base/16384/16390 is uninitialized";
        assert_eq!(path(first).as_deref(), Some("base/16384/16390"));
        let second =
            "[5] WARNING:  page 0 of relation pg_tblspc/1/PG_15_202209061/2/3_vm does not exist";
        assert_eq!(
            path(second).as_deref(),
            Some("pg_tblspc/1/PG_15_202209061/2/3_vm")
        );
        assert_eq!(
            path("[5] ERROR:  column x of relation y does not exist"),
            None
        );
        assert_eq!(
            path("[5] WARNING:  WAL contains references to invalid pages"),
            None
        );
    }
}
