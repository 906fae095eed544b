//! `demo`: the main job, for real, on a throw-away cluster.
//!
//! Makes a cluster, writes to it, backs it up meanwhile to an encrypted local repository and to an SFTP server, drops a table
//! by mistake, restores from the server to the moment before, and shows that the rows are back and that every file is the
//! same. Where no SSH server is installed the local repository is the only one. Everything is done by starting this very program with
//! its public commands, as a user would; nothing here knows how a backup works.

mod binaries;
mod cluster;
mod proof;
mod report;
mod settings;
mod sftp_server;
mod shell;
mod workplace;

use std::time::Instant;

use crate::error::Result;
use crate::runtime::Context;
use cluster::Cluster;
use report::Report;
use settings::Settings;
use sftp_server::SftpServer;
use workplace::Workplace;

/// Runs the demonstration and prints its proof.
///
/// # Errors
/// When PostgreSQL is not installed (the message says what to install), or a step does not do what it must.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context);
    let binaries = binaries::find(context, &settings)?;
    let place = Workplace::make(context, &settings, binaries)?;
    let mut report = Report::new(context.output.clone());
    let result = play(context, &place, &mut report);
    place.wait_for_holder(context);
    if settings.keep {
        report.note(&format!("kept: {}", place.root().display()))?;
        report.note(&format!(
            "go on with: {} --config={} --stanza=demo info",
            place.program().display(),
            place.config().display()
        ))?;
    } else {
        place.remove();
    }
    result?;
    report.finish()
}

/// The story with the server around it, which ends before the place is removed.
fn play(context: &Context, place: &Workplace, report: &mut Report) -> Result<()> {
    let server = match binaries::find_ssh_server(context) {
        Some(programs) => Some(SftpServer::start(context, place, &programs)?),
        None => None,
    };
    place.configure(server.as_ref())?;
    story(context, place, server.as_ref(), report)
}

fn story(
    context: &Context,
    place: &Workplace,
    server: Option<&SftpServer>,
    report: &mut Report,
) -> Result<()> {
    report.title(&format!(
        "PostgreSQL {} in {}",
        place.version(),
        place.root().display()
    ))?;

    report.step("create a cluster with data checksums and start it")?;
    let cluster = Cluster::create(place)?;
    cluster.start()?;
    cluster
        .sql("create table account (id int primary key, balance numeric not null, note text)")?;
    cluster.sql(
        "insert into account select g, (g * 7919) % 100000, repeat(md5(g::text), 4) from generate_series(1, 200000) g",
    )?;
    cluster.sql("create table event (id bigserial primary key, at timestamptz not null default clock_timestamp(), what text)")?;

    report.step("create the stanza and check that archiving works")?;
    report.fact("repository 1: a directory here, encrypted (aes-256-cbc)")?;
    match server {
        Some(server) => report.fact(&format!(
            "repository 2: SFTP, small files bundled; {}",
            server.description()
        ))?,
        None => {
            report.fact("no repository on an SFTP server: no sshd is installed")?;
            report.fact("HINT: apt-get install openssh-server, then run this again")?;
        }
    }
    place.pgkeep(&["stanza-create"])?;
    place.pgkeep(&["check"])?;

    report.step("take a full backup while rows are being written")?;
    let writer = cluster.start_writer()?;
    let before: u64 = cluster.number("select count(*) from event")?;
    let began = Instant::now();
    place.pgkeep(&["--repo=1", "--type=full", "backup"])?;
    let backup_time = began.elapsed();
    let began = Instant::now();
    if server.is_some() {
        place.pgkeep(&["--repo=2", "--type=full", "backup"])?;
    }
    let server_backup_time = server.map(|_| began.elapsed());
    let after: u64 = cluster.number("select count(*) from event")?;
    writer.stop()?;
    let written = after - before;
    report.fact(&format!("{written} rows were written while the backup ran"))?;

    report.step("remember what is there, then drop a table by mistake")?;
    cluster.wait_until_next_second(context)?;
    let rows = cluster.text("select count(*) || ' rows, balance ' || sum(balance) || ', ' || md5(string_agg(id || note, ',' order by id)) from account")?;
    let events: u64 = cluster.number("select count(*) from event")?;
    let moment = cluster.text("select clock_timestamp()")?;
    cluster.sql("insert into event (what) values ('after the moment')")?;
    cluster.sql("drop table account")?;
    cluster.sql("select pg_switch_wal()")?;
    cluster.wait_until_archived(context)?;
    report.fact(&format!("dropped: {rows}"))?;

    let (repo, from) = match server {
        Some(_) => ("--repo=2", "the SFTP server"),
        None => ("--repo=1", "the repository"),
    };
    report.step(&format!(
        "restore from {from} to the moment before, {moment}"
    ))?;
    cluster.stop()?;
    let began = Instant::now();
    let target = format!("--target={moment}");
    place.pgkeep(&[
        repo,
        "--delta",
        "--type=time",
        &target,
        "--target-action=promote",
        "restore",
    ])?;
    let restore_time = began.elapsed();
    cluster.start()?;
    cluster.wait_until_promoted(context)?;
    let again = cluster.text("select count(*) || ' rows, balance ' || sum(balance) || ', ' || md5(string_agg(id || note, ',' order by id)) from account")?;
    proof::same("the table is back", &rows, &again, report)?;
    let events_again: u64 = cluster.number("select count(*) from event")?;
    proof::same(
        "rows up to the moment, none after it",
        &events.to_string(),
        &events_again.to_string(),
        report,
    )?;

    report.step("compare a restored copy with the cluster, file by file")?;
    cluster.stop()?;
    let size = place.data_size()?;
    place.pgkeep(&[repo, "--type=full", "--no-online", "backup"])?;
    let copy = place.copy_path();
    place.pgkeep(&[
        repo,
        &format!("--pg1-path={}", copy.display()),
        "--type=none",
        "restore",
    ])?;
    proof::same_files(context, &place.data_path(), &copy, report)?;
    proof::page_checksums(place, &copy, report)?;

    report.numbers(&report::Numbers {
        cluster_bytes: size,
        repository_bytes: place.repository_size()?,
        server: match (server, server_backup_time) {
            (Some(server), Some(time)) => Some((place.server_size(server)?, time)),
            _ => None,
        },
        backup_time,
        restore_time,
        rows_during_backup: written,
    })
}
