//! The story: a cluster, backups under load, a mistake, the way back, and the proof.

use serde_json::Value;

use super::act::Act;
use super::cluster::Cluster;
use super::proof;
use super::report::Numbers;
use super::sftp_server::SftpServer;
use super::shell;
use super::wal_line::{Event, WalLine};
use super::workplace::tree_size;
use crate::error::{Error, ErrorCode, Result};

/// The query whose result is compared before and after.
const ACCOUNTS: &str =
    "select count(*), sum(balance), md5(string_agg(id || note, ',' order by id)) from account";
const ROWS: u32 = 200_000;

/// Tells it; returns what it came to.
pub(super) fn tell(act: &Act<'_>, server: Option<&SftpServer>) -> Result<String> {
    let report = &act.report;
    let place = act.place;
    report.title(&format!(
        "PostgreSQL {} in {}",
        place.version(),
        place.root().display()
    ))?;
    report.fact(&format!(
        "each pgkeep below also has --config={} --stanza=demo",
        place.config().display()
    ))?;

    report.step(&format!("A cluster with {ROWS} accounts"))?;
    let cluster = act.run(
        "initdb --data-checksums -D data && pg_ctl -D data start",
        "creating the cluster",
        || {
            let cluster = Cluster::create(place)?;
            cluster.start()?;
            Ok(cluster)
        },
    )?;
    act.wait("filling the tables", || fill(&cluster))?;
    let rows = ask(act, &cluster)?;

    report.step("Repositories for backups and WAL")?;
    report.fact("repo1: a directory here, encrypted (aes-256-cbc)")?;
    match server {
        Some(server) => {
            report.fact("repo2: an SFTP server, small files bundled")?;
            report.fact(&format!("       {}", server.description()))?;
        }
        None => {
            report.fact("no repository on an SFTP server: no sshd is installed")?;
            report.fact("HINT: apt-get install openssh-server, then run this again")?;
        }
    }
    act.pgkeep(&["stanza-create"])?;
    act.pgkeep(&["check"])?;

    report.step("Full backups while rows are being written")?;
    let writer = cluster.start_writer()?;
    let before: u64 = cluster.number("select count(*) from event")?;
    let backup_time = act.pgkeep(&["--repo=1", "--type=full", "backup"])?;
    let server_backup_time = match server {
        Some(_) => Some(act.pgkeep(&["--repo=2", "--type=full", "backup"])?),
        None => None,
    };
    let after: u64 = cluster.number("select count(*) from event")?;
    writer.stop()?;
    let written = after - before;
    report.fact(&format!("{written} rows were written meanwhile"))?;

    let (repo, from) = match server {
        Some(_) => ("--repo=2", "the SFTP server"),
        None => ("--repo=1", "the repository"),
    };
    let made = newest_backup(act, "--repo=1")?;
    report.step("The mistake: a table is dropped")?;
    act.wait("waiting for the next second", || {
        cluster.wait_until_next_second(act.context)
    })?;
    let events: u64 = cluster.number("select count(*) from event")?;
    report.command("psql -c 'select clock_timestamp()'")?;
    let (moment, moment_event) = now(&cluster)?;
    report.answer(&moment)?;
    cluster.sql("insert into event (what) values ('after the moment')")?;
    let mistake = act.run("psql -c 'drop table account'", "dropping the table", || {
        let (_, mistake) = now(&cluster)?;
        cluster.sql("drop table account")?;
        Ok(mistake)
    })?;
    report.command(&typed(ACCOUNTS))?;
    report.refusal(&refusal(&cluster)?)?;
    act.wait("waiting for the last WAL to be archived", || {
        cluster.sql("select pg_switch_wal()")?;
        cluster.wait_until_archived(act.context)
    })?;
    let restored = newest_backup(act, repo)?;
    let line = WalLine {
        backup_begins: restored.begins,
        backup_ends: restored.ends,
        moment: moment_event,
        mistake,
    };
    report.drawing(&line.archived(report.paint()))?;

    report.step(&format!("Back to the moment before, from {from}"))?;
    act.run("pg_ctl -D data stop", "stopping the server", || {
        cluster.stop()
    })?;
    let target = format!("--target={moment}");
    let restore_time = act.pgkeep(&[
        repo,
        "--delta",
        "--type=time",
        &target,
        "--target-action=promote",
        "restore",
    ])?;
    act.run("pg_ctl -D data start", "replaying WAL", || {
        cluster.start()?;
        cluster.wait_until_promoted(act.context)
    })?;
    report.drawing(&line.recovered(report.paint()))?;
    let again = ask(act, &cluster)?;
    proof::same("the table is back as it was", &rows, &again, report)?;
    let events_again: u64 = cluster.number("select count(*) from event")?;
    proof::same(
        "rows written up to the moment, none after it",
        &events.to_string(),
        &events_again.to_string(),
        report,
    )?;

    report.step("Is it all the same? A second copy, compared file by file")?;
    act.run("pg_ctl -D data stop", "stopping the server", || {
        cluster.stop()
    })?;
    act.pgkeep(&[repo, "--type=full", "--no-online", "backup"])?;
    let copy = place.copy_path();
    act.pgkeep(&[
        repo,
        &format!("--pg1-path={}", copy.display()),
        "--type=none",
        "restore",
    ])?;
    act.wait("comparing every file", || {
        proof::same_files(act.context, &place.data_path(), &copy, report)
    })?;
    act.wait("checking every page", || {
        proof::page_checksums(place, &copy, report)
    })?;

    report.numbers(&Numbers {
        backup: (made.size, backup_time),
        server_backup: server_backup_time.map(|time| (restored.size, time)),
        restore: (restored.size, restore_time),
        repository_bytes: place.repository_size()?,
        server_bytes: server
            .map(|server| tree_size(&server.files()))
            .transpose()?,
        rows_during_backup: written,
    })?;
    Ok(format!(
        "The table that was dropped is back with all of its {ROWS} rows: the cluster was\n\
         restored from {from} to the moment before, and nothing that was\n\
         written until then is lost."
    ))
}

/// Two tables: what will be lost, and what tells which moment it is.
fn fill(cluster: &Cluster<'_>) -> Result<()> {
    cluster
        .sql("create table account (id int primary key, balance numeric not null, note text)")?;
    cluster.sql(
        &format!("insert into account select g, (g * 7919) % 100000, repeat(md5(g::text), 4) from generate_series(1, {ROWS}) g"),
    )?;
    cluster.sql("create table event (id bigserial primary key, at timestamptz not null default clock_timestamp(), what text)")
}

/// A query as people type it.
fn typed(sql: &str) -> String {
    format!("psql -c \"{sql}\"")
}

/// What is in the table, shown with the question.
fn ask(act: &Act<'_>, cluster: &Cluster<'_>) -> Result<String> {
    let rows = act.run(&typed(ACCOUNTS), "reading the table", || {
        cluster.text(ACCOUNTS)
    })?;
    let rows = rows.replace('|', " | ");
    act.report.answer(&rows)?;
    Ok(rows)
}

/// The time, and where the WAL is now.
fn now(cluster: &Cluster<'_>) -> Result<(String, Event)> {
    let text = cluster.text(
        "select at, to_char(at, 'HH24:MI:SS.MS'), pg_current_wal_lsn() from (select clock_timestamp() as at) as now",
    )?;
    let mut parts = text.split('|').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let moment = part();
    let (time, lsn) = (part(), part());
    Ok((moment, Event { time, lsn }))
}

/// What the server says of the table that is gone.
fn refusal(cluster: &Cluster<'_>) -> Result<String> {
    match cluster.text("select count(*) from account") {
        Ok(rows) => Err(Error::new(
            ErrorCode::Assert,
            format!("the table was dropped and still has {rows} rows"),
        )),
        Err(error) => Ok(error
            .message
            .lines()
            .find(|line| line.starts_with("ERROR:"))
            .unwrap_or("ERROR:  relation \"account\" does not exist")
            .to_owned()),
    }
}

/// A backup as the program tells of it.
struct Made {
    begins: Event,
    ends: Event,
    /// Bytes of the cluster in it.
    size: u64,
}

/// The newest backup of a repository.
fn newest_backup(act: &Act<'_>, repo: &str) -> Result<Made> {
    let said = shell::run(act.place.pgkeep(&[repo, "--output=json", "info"])?)?;
    let document: Value = serde_json::from_str(&said).unwrap_or_default();
    let backup = &document[0]["backup"]
        .as_array()
        .and_then(|backups| backups.last())
        .cloned()
        .unwrap_or_default();
    let event = |which: &str| Event {
        time: time_of_day(backup["timestamp"][which].as_i64().unwrap_or(0)),
        lsn: backup["lsn"][which].as_str().unwrap_or("?").to_owned(),
    };
    Ok(Made {
        begins: event("start"),
        ends: event("stop"),
        size: backup["info"]["size"].as_u64().unwrap_or(0),
    })
}

/// As the server shows it, which runs in UTC.
fn time_of_day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|at| at.strftime("%H:%M:%S").to_string())
        .unwrap_or_default()
}
