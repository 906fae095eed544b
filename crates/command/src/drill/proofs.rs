//! What is proved of the scratch cluster: how far it came, that its rows can be read, its structures, its pages.

use super::check_file::Check;
use super::outcome::Outcome;
use super::process::{self, Ended, tail};
use super::programs::Programs;
use super::restored::Plan;
use super::scratch::Scratch;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::run::progress::Doing;

/// Lines of a program's complaint that are shown.
const SHOWN: usize = 6;

/// What the proofs need.
pub(super) struct Prover<'a> {
    pub(super) context: &'a Context,
    pub(super) scratch: &'a Scratch,
    pub(super) settings: &'a Settings,
    pub(super) programs: &'a Programs,
    pub(super) plan: &'a Plan,
}

impl Prover<'_> {
    /// How far replay came, against what the repository has.
    ///
    /// # Errors
    /// The server does not answer.
    pub(super) fn reached(&self, outcome: &mut Outcome, log: &str) -> Result<()> {
        let answer = self.sql(
            "postgres",
            "select coalesce(pg_last_wal_replay_lsn()::text, ''), \
             coalesce(floor(extract(epoch from pg_last_xact_replay_timestamp()))::bigint::text, '')",
        )?;
        let (lsn, last) = answer.trim_end().split_once('|').unwrap_or_default();
        outcome.lsn = Some(lsn.to_owned()).filter(|lsn| !lsn.is_empty());
        outcome.last_transaction = last.parse().ok();
        let (plan, settings) = (self.plan, self.settings);
        if let Some((first, last)) = &plan.gap {
            let gap = if first == last {
                first.clone()
            } else {
                format!("{first} to {last}")
            };
            outcome.failed(
                "WAL chain",
                ErrorCode::FileMissing,
                format!("missing in the archive: {gap}"),
            );
            return Ok(());
        }
        if !plan.unread.is_empty() {
            let unread = plan.unread.join(", ");
            outcome.failed(
                "WAL chain",
                ErrorCode::FileRead,
                format!("could not be read: {unread}"),
            );
            return Ok(());
        }
        if settings.kind != "default" {
            // A server before version 13 opens a cluster that has not reached its target.
            match log.contains("recovery stopping") {
                true => outcome.passed("WAL chain", "the target was reached"),
                false => outcome.failed(
                    "WAL chain",
                    ErrorCode::BackupSetInvalid,
                    "recovery ended before the target",
                ),
            }
            return Ok(());
        }
        let Some(wanted) = &plan.last_wal else {
            outcome.skipped("WAL chain", "the backup has no WAL");
            return Ok(());
        };
        // The last segment has at least the beginning of a record, and replay ends behind it.
        let size = super::server::control(self.scratch)?.wal_segment_size;
        let reached = match (&outcome.lsn, start_of(wanted, size)) {
            (Some(lsn), Some(start)) => lsn
                .parse::<pgkeep_postgres::Lsn>()
                .is_ok_and(|lsn| lsn.0 > start),
            _ => false,
        };
        let at = outcome.lsn.clone().unwrap_or_default();
        match reached {
            true => outcome.passed(
                "WAL chain",
                format!("complete to the newest segment {wanted}"),
            ),
            false => outcome.failed(
                "WAL chain",
                ErrorCode::ArchiveMismatch,
                format!("replay ended at {at}, before the newest segment {wanted}"),
            ),
        }
        Ok(())
    }

    /// Databases that can be connected to.
    ///
    /// # Errors
    /// The server does not answer.
    pub(super) fn databases(&self) -> Result<Vec<String>> {
        let names = self.sql_with(
            "postgres",
            "select datname from pg_database where datallowconn order by 1",
            &["-0"],
        )?;
        Ok(names
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Reads every row of every database.
    ///
    /// # Errors
    /// The run is ended.
    pub(super) fn rows(&self, outcome: &mut Outcome) -> Result<()> {
        let mut bad = Vec::new();
        for database in &outcome.databases {
            let _doing = Doing::now(
                &self.context.progress,
                &format!("reading database {database}"),
            );
            let mut command = process::client(
                self.scratch,
                &self.programs.pg_dump,
                &self.settings.pg_user,
                database,
            );
            let ended = process::run_to_nowhere(self.context, self.scratch, "dump", &mut command)?;
            if !ended.status.success() {
                bad.push(format!("database '{database}': {}", said(&ended)));
            }
        }
        match bad.is_empty() {
            true => outcome.passed(
                "rows",
                format!("all can be read in {}", outcome.databases.join(", ")),
            ),
            false => outcome.failed("rows", ErrorCode::DbQuery, bad.join("\n")),
        }
        Ok(())
    }

    /// Lets PostgreSQL check tables and indexes against each other.
    ///
    /// # Errors
    /// The run is ended.
    pub(super) fn structures(&self, outcome: &mut Outcome) -> Result<()> {
        const NAME: &str = "pg_amcheck";
        if self.plan.major < 14 {
            outcome.skipped(NAME, "needs PostgreSQL 14");
            return Ok(());
        }
        let Some(program) = &self.programs.pg_amcheck else {
            outcome.skipped(NAME, "is not installed");
            return Ok(());
        };
        let there = "select count(*) from pg_available_extensions where name = 'amcheck'";
        if self.sql("postgres", there)?.trim() == "0" {
            outcome.skipped(NAME, "the extension amcheck is not installed");
            return Ok(());
        }
        let _doing = Doing::now(&self.context.progress, "checking tables and indexes");
        let mut command =
            process::client(self.scratch, program, &self.settings.pg_user, "postgres");
        command.env_remove("PGDATABASE");
        command.args(["--all", "--install-missing", "--heapallindexed"]);
        let ended = process::run(self.context, self.scratch, "amcheck", &mut command)?;
        match ended.status.success() {
            true => outcome.passed(NAME, "tables and indexes agree"),
            false => outcome.failed(NAME, ErrorCode::FileInvalid, said(&ended)),
        }
        Ok(())
    }

    /// The user's own checks.
    ///
    /// # Errors
    /// The run is ended.
    pub(super) fn checks(&self, outcome: &mut Outcome, checks: &[Check]) -> Result<()> {
        let mut bad = Vec::new();
        for check in checks {
            let expected = check.rows.join("\n");
            let found = match self.sql(&check.database, &check.statement) {
                Ok(found) => found.strip_suffix('\n').unwrap_or(&found).to_owned(),
                Err(error) if error.code == ErrorCode::Term => return Err(error),
                Err(error) => format!("({})", error.message),
            };
            if found != expected {
                bad.push(format!(
                    "line {}: expected '{expected}' but found '{found}'",
                    check.line
                ));
            }
        }
        match bad.is_empty() {
            true => outcome.passed("SQL checks", format!("{} as expected", checks.len())),
            false => outcome.failed("SQL checks", ErrorCode::DbMismatch, bad.join("\n")),
        }
        Ok(())
    }

    /// Checksums of all pages of the stopped cluster.
    ///
    /// # Errors
    /// The run is ended.
    pub(super) fn pages(&self, outcome: &mut Outcome) -> Result<()> {
        const NAME: &str = "page checksums";
        if super::server::control(self.scratch)?.data_checksum_version == 0 {
            outcome.skipped(NAME, "the cluster has none");
            return Ok(());
        }
        let Some(program) = &self.programs.pg_checksums else {
            outcome.skipped(NAME, "pg_checksums is not installed");
            return Ok(());
        };
        let _doing = Doing::now(&self.context.progress, "checking pages");
        let mut command = process::command(self.scratch, program);
        command
            .arg("--check")
            .arg("-D")
            .arg(self.scratch.join("data"));
        let ended = process::run(self.context, self.scratch, "checksums", &mut command)?;
        if !ended.status.success() {
            outcome.failed(NAME, ErrorCode::Checksum, said(&ended));
            return Ok(());
        }
        let blocks = ended
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("Blocks scanned:"));
        outcome.passed(
            NAME,
            format!("{} pages are right", blocks.unwrap_or("all").trim()),
        );
        Ok(())
    }

    fn sql(&self, database: &str, statement: &str) -> Result<String> {
        self.sql_with(database, statement, &[])
    }

    fn sql_with(&self, database: &str, statement: &str, more: &[&str]) -> Result<String> {
        let user = &self.settings.pg_user;
        let mut command = process::client(self.scratch, &self.programs.psql, user, database);
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(more)
            .args(["-c", statement]);
        let ended = process::run(self.context, self.scratch, "psql", &mut command)?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        let error = Error::new(ErrorCode::DbQuery, said(&ended));
        Err(
            match ended
                .stderr
                .contains(&format!("role \"{user}\" does not exist"))
            {
                true => error.with_hint("name a superuser of the cluster with --drill-pg-user."),
                false => error,
            },
        )
    }
}

/// What a program complained about.
fn said(ended: &Ended) -> String {
    match (ended.stderr.trim(), ended.stdout.trim()) {
        ("", "") => format!("it ended with {}", ended.status),
        ("", out) => tail(out, SHOWN),
        (err, _) => tail(err, SHOWN),
    }
}

/// Address of the first byte of a segment.
fn start_of(segment: &str, size: u32) -> Option<u64> {
    let high = u64::from_str_radix(segment.get(8..16)?, 16).ok()?;
    let low = u64::from_str_radix(segment.get(16..24)?, 16).ok()?;
    low.checked_mul(u64::from(size))?.checked_add(high << 32)
}

#[cfg(test)]
mod tests {
    use super::start_of;

    #[test]
    fn a_segment_begins_where_its_name_says() {
        assert_eq!(
            start_of("000000010000000200000003", 16 << 20),
            Some(0x2_0300_0000)
        );
        assert_eq!(
            start_of("000000010000000000000005", 1 << 20),
            Some(0x50_0000)
        );
        assert_eq!(start_of("odd", 1 << 20), None);
    }
}
