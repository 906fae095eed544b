//! What is proved of the scratch cluster: how far it came, that its rows can be read, its structures, its pages.

use std::process::Stdio;

use pgkeep_postgres::{Lsn, WalSegment};

use super::check_file::Check;
use super::outcome::{Outcome, Verdict};
use crate::error::{Error, ErrorCode, Result};
use crate::run::progress::Doing;
use crate::scratch::client::{CLOSED, explain_user, said};
use crate::scratch::{Client, Plan, Programs, Settings, process, server};

/// The databases of a new cluster in which the whole cluster can be asked after; either may have been closed or dropped.
const EVERYWHERE: [&str; 2] = ["template1", "postgres"];

/// What the proofs need.
pub(super) struct Prover<'a> {
    pub(super) client: Client<'a>,
    pub(super) settings: &'a Settings,
    pub(super) programs: &'a Programs,
    pub(super) plan: &'a Plan,
    /// The database in which the whole cluster is asked after.
    pub(super) entry: &'static str,
}

/// The first of the databases of a new cluster that lets us in.
///
/// # Errors
/// The server does not answer.
pub(super) fn entry(client: &Client<'_>, user: &str) -> Result<&'static str> {
    let [first, second] = EVERYWHERE;
    let elsewhere = |error: &Error| {
        [CLOSED, "does not exist"].iter().any(|text| {
            error
                .message
                .contains(&format!("database \"{first}\" {text}"))
        })
    };
    match client.ask(first, "select 1") {
        Ok(_) => Ok(first),
        Err(error) if elsewhere(&error) => Ok(second),
        Err(error) => Err(explain_user(error, user)),
    }
}

impl Prover<'_> {
    /// How far replay came, against what the repository has.
    ///
    /// # Errors
    /// The server does not answer.
    pub(super) fn reached(&self, outcome: &mut Outcome, at_target: bool) -> Result<()> {
        let answer = self.sql(
            self.entry,
            "select coalesce(pg_last_wal_replay_lsn()::text, ''), \
             coalesce(floor(extract(epoch from pg_last_xact_replay_timestamp()))::bigint::text, '')",
        )?;
        let (lsn, last) = answer.trim_end().split_once('|').unwrap_or_default();
        outcome.lsn = Some(lsn.to_owned()).filter(|lsn| !lsn.is_empty());
        outcome.last_transaction = last.parse().ok();
        let size = server::control(self.client.scratch)?.wal_segment_size;
        let target = (self.settings.kind != "default").then_some(at_target);
        let (verdict, text) = chain(self.plan, target, lsn, size);
        outcome.note("WAL chain", verdict, text);
        Ok(())
    }

    /// Which databases there are; no event trigger of theirs is run from here on.
    ///
    /// # Errors
    /// The server does not answer.
    pub(super) fn databases(&self, outcome: &mut Outcome) -> Result<()> {
        // The first letter says whether it can be connected to; -2 is what an interrupted DROP DATABASE leaves.
        let names = self
            .client
            .rows(
                self.entry,
                "select case when datconnlimit = -2 then 'd' when datallowconn then 'c' else 'n' end || datname \
                 from pg_database where datname <> 'template0' order by datname",
            )
            .map_err(|error| explain_user(error, &self.settings.pg_user))?;
        for name in names {
            match name.split_at_checked(1) {
                Some(("c", name)) => outcome.databases.push(name.to_owned()),
                Some(("n", name)) => outcome
                    .closed
                    .push(format!("{name} (does not allow connections)")),
                Some(("d", name)) => outcome
                    .closed
                    .push(format!("{name} (DROP DATABASE was interrupted)")),
                _ => {}
            }
        }
        for database in &outcome.databases {
            self.client
                .disable_event_triggers(self.plan.major, database)?;
        }
        Ok(())
    }

    /// Reads every row of every database.
    ///
    /// # Errors
    /// The run is ended.
    pub(super) fn rows(&self, outcome: &mut Outcome) -> Result<()> {
        let mut bad = Vec::new();
        for database in &outcome.databases {
            let _doing = Doing::now(
                &self.client.context.progress,
                &format!("reading database {database}"),
            );
            let mut command = self.client.command(&self.programs.pg_dump, database);
            let ended = process::run_to(
                self.client.context,
                self.client.scratch,
                "dump",
                &mut command,
                Stdio::null(),
            )?;
            if !ended.status.success() {
                bad.push(format!("database '{database}': {}", said(&ended)));
            }
        }
        let mut read = format!("all can be read in {}", outcome.databases.join(", "));
        if !outcome.closed.is_empty() {
            read.push_str(&format!("; not read: {}", outcome.closed.join(", ")));
        }
        match bad.is_empty() {
            true => outcome.passed("rows", read),
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
        if self.sql(self.entry, there)?.trim() == "0" {
            outcome.skipped(NAME, "the extension amcheck is not installed");
            return Ok(());
        }
        let _doing = Doing::now(&self.client.context.progress, "checking tables and indexes");
        let mut command = self.client.command(program, self.entry);
        command.env_remove("PGDATABASE");
        command.args(["--all", "--install-missing", "--heapallindexed"]);
        let ended = process::run(
            self.client.context,
            self.client.scratch,
            "amcheck",
            &mut command,
        )?;
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
            let (line, database) = (check.line, &check.database);
            // One that never ends has to be found.
            let _doing = Doing::now(
                &self.client.context.progress,
                &format!("SQL check of line {line} in database {database}"),
            );
            let expected = check.rows.join("\n");
            let found = match self.sql(&check.database, &check.statement) {
                Ok(found) => shown(&found),
                Err(error) if error.code == ErrorCode::Term => return Err(error),
                Err(error) => format!("({})", error.message),
            };
            if found != expected {
                bad.push(format!(
                    "line {line}: expected '{expected}' but found '{found}'"
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
        if server::control(self.client.scratch)?.data_checksum_version == 0 {
            outcome.skipped(NAME, "the cluster has none");
            return Ok(());
        }
        let Some(program) = &self.programs.pg_checksums else {
            outcome.skipped(NAME, "pg_checksums is not installed");
            return Ok(());
        };
        let _doing = Doing::now(&self.client.context.progress, "checking pages");
        let mut command = process::command(self.client.scratch, program);
        command
            .arg("--check")
            .arg("-D")
            .arg(self.client.scratch.join("data"));
        let ended = process::run(
            self.client.context,
            self.client.scratch,
            "checksums",
            &mut command,
        )?;
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
        self.client
            .ask(database, statement)
            .map_err(|error| explain_user(error, &self.settings.pg_user))
    }
}

/// Rows as they can be written below a check, where nobody sees spaces at the end of a line.
fn shown(found: &str) -> String {
    let rows = found.strip_suffix('\n').unwrap_or(found).split('\n');
    rows.map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// How far replay came, `lsn`, against what the repository has. `target`: whether the one that was given was reached.
fn chain(plan: &Plan, target: Option<bool>, lsn: &str, segment_size: u32) -> (Verdict, String) {
    // What is missing or unread behind a target that was reached was not asked for. A server before version 13 opens a cluster
    // that has not reached its target.
    match target {
        Some(true) => return (Verdict::Passed, "the target was reached".to_owned()),
        Some(false) => {
            return (
                Verdict::Failed(ErrorCode::BackupSetInvalid),
                "recovery ended before the target".to_owned(),
            );
        }
        None => {}
    }
    if let Some((first, last)) = &plan.gap {
        let gap = if first == last {
            first.clone()
        } else {
            format!("{first} to {last}")
        };
        return (
            Verdict::Failed(ErrorCode::FileMissing),
            format!("missing in the archive: {gap}"),
        );
    }
    if !plan.unread.is_empty() {
        return (
            Verdict::Failed(ErrorCode::FileRead),
            format!("could not be read: {}", plan.unread.join(", ")),
        );
    }
    let at = lsn.parse::<Lsn>().ok();
    let short = |wanted: &str| {
        let at = if lsn.is_empty() { "nothing" } else { lsn };
        (
            Verdict::Failed(ErrorCode::ArchiveMismatch),
            format!("replay ended at {at}, before {wanted}"),
        )
    };
    if let Some(consistent) = plan.consistent.as_deref() {
        let wanted = consistent.parse::<Lsn>().ok();
        if at.is_none() || at < wanted {
            return short(&format!("the end of the backup, {consistent}"));
        }
    }
    let Some(newest) = &plan.last_wal else {
        return match &plan.consistent {
            Some(consistent) => (
                Verdict::Passed,
                format!("complete to the end of the backup, {consistent}; the archive has no more"),
            ),
            None => (Verdict::Skipped, "the backup has no WAL".to_owned()),
        };
    };
    // The last segment has at least the beginning of a record, and replay ends behind it.
    let start = newest
        .parse::<WalSegment>()
        .ok()
        .map(|segment| segment.start(segment_size));
    match at.zip(start).is_some_and(|(at, start)| at > start) {
        true => (
            Verdict::Passed,
            format!("complete to the newest segment {newest}"),
        ),
        false => short(&format!("the newest segment {newest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_at_the_end_of_a_row_do_not_count_and_empty_rows_do() {
        for (found, rows) in [
            ("a \n", "a"),
            (" a\n", " a"),
            ("a  \nb\t\n", "a\nb"),
            ("\n", ""),
            ("", ""),
            ("\n\n", "\n"),
        ] {
            assert_eq!(shown(found), rows, "{found:?}");
        }
    }

    #[test]
    fn the_chain_holds_up_to_the_target_or_to_the_newest_segment() {
        let plan = Plan {
            last_wal: Some("000000010000000200000003".to_owned()),
            consistent: Some("2/2000100".to_owned()),
            ..Plan::default()
        };
        let verdict = |plan: &Plan, target, lsn| chain(plan, target, lsn, 16 << 20).0;
        let failed = |code| Verdict::Failed(code);
        let short = failed(ErrorCode::ArchiveMismatch);
        assert_eq!(verdict(&plan, None, "2/3000060"), Verdict::Passed);
        assert_eq!(verdict(&plan, None, "2/3000000"), short);
        assert_eq!(verdict(&plan, None, ""), short);
        let copy = Plan {
            last_wal: None,
            ..plan.clone()
        };
        assert_eq!(verdict(&copy, None, "2/2000100"), Verdict::Passed);
        assert_eq!(verdict(&copy, None, "2/20000FF"), short);
        assert_eq!(verdict(&Plan::default(), None, ""), Verdict::Skipped);
        let gap = Plan {
            gap: Some(("a".to_owned(), "b".to_owned())),
            unread: vec!["repo2".to_owned()],
            ..plan
        };
        assert_eq!(
            verdict(&gap, None, "2/3000060"),
            failed(ErrorCode::FileMissing)
        );
        // What is missing behind the target does not matter.
        assert_eq!(verdict(&gap, Some(true), "2/2000200"), Verdict::Passed);
        assert_eq!(
            verdict(&gap, Some(false), "2/2000200"),
            failed(ErrorCode::BackupSetInvalid)
        );
    }
}
