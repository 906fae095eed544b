//! The SSH connection that a process keeps for the segments that come soon (`repo-host-persist`).

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::TestResult;
use pgkeep_testkit::wrapper::holder;

use crate::stage::{Host, Stage};
use crate::{Result, Test};

pub const TESTS: &[(&str, Test)] = &[
    (
        "a_second_segment_soon_after_leaves_an_ssh_connection_for_the_next",
        kept,
    ),
    ("a_kept_connection_that_is_killed_costs_no_segment", killed),
    ("a_kept_ssh_connection_is_for_its_user_alone", other_user),
];

/// When a condition that must come true has not.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stage that counts how often the SSH client program is started.
fn stage(program: &Program) -> Result<Stage<'_>> {
    let stage = Stage::at_rest(program)?;
    let ssh = stage.scratch.join("ssh");
    let text = fs::read_to_string(&ssh)?;
    let count = stage.scratch.write("count", "")?;
    let counting = format!("#!/bin/sh\necho >> {}\n", count.display());
    fs::write(&ssh, text.replace("#!/bin/sh\n", &counting))?;
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    Ok(stage)
}

fn started(stage: &Stage<'_>) -> Result<usize> {
    Ok(fs::read_to_string(stage.scratch.join("count"))?
        .lines()
        .count())
}

fn command(stage: &Stage<'_>, number: u8) -> Result<Command> {
    let name = format!("data/pg_wal/0000000100000000000000{number:02X}");
    let bytes = DataDirBuilder::new("15")?.wal_segment(number);
    let segment = stage.scratch.write(name, bytes)?;
    let mut command = stage.program.command();
    command
        .arg(format!("--config={}", stage.config(Host::Pg).display()))
        .args(["--stanza=main", "--repo1-host-persist=10m", "archive-push"])
        .arg(segment);
    Ok(command)
}

fn outcome(stage: &Stage<'_>, number: u8) -> Result<Outcome> {
    Ok(run(&mut command(stage, number)?)?)
}

/// Pushes a segment; gives how often the SSH client program was started for that.
fn push(stage: &Stage<'_>, number: u8) -> Result<usize> {
    let before = started(stage)?;
    outcome(stage, number)?.success()?;
    Ok(started(stage)? - before)
}

fn names(stage: &Stage<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(stage.directory(Host::Pg, "lock"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains("-persist-") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Waits until a connection can be had, or none any more; gives the sockets.
fn wait(stage: &Stage<'_>, kept: bool) -> Result<Vec<PathBuf>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let names = names(stage)?;
        let sockets = names.iter().filter(|name| name.ends_with(".sock"));
        let sockets: Vec<_> = sockets
            .map(|name| stage.directory(Host::Pg, "lock").join(name))
            .collect();
        let over = !names.iter().any(|name| name.ends_with(".lock"));
        if kept && !sockets.is_empty() && !over || !kept && over {
            return Ok(sockets);
        }
        if Instant::now() > end {
            return Err(format!("{names:?}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn must(what: &str, is_so: bool) -> TestResult {
    match is_so {
        true => Ok(()),
        false => Err(what.into()),
    }
}

fn kept(program: &Program) -> TestResult {
    let mut stage = stage(program)?;
    must("the first connects", push(&stage, 1)? == 1)?;
    push(&stage, 2)?;
    let socket = wait(&stage, true)?.pop().ok_or("no socket")?;
    let mode = fs::metadata(&socket)?.permissions().mode() & 0o777;
    must("the socket is private", mode == 0o600)?;
    for number in 3..=5 {
        must("it is used", push(&stage, number)? == 0)?;
    }
    let locks = fs::read_dir(stage.directory(Host::Repo, "lock"))?.count();
    must("nothing is locked between two segments", locks == 0)?;

    // What has changed on the other host counts for the next segment.
    let before = started(&stage)?;
    stage.run(Host::Repo, &["stop"])?;
    let refused = outcome(&stage, 6)?.expect_code(103)?;
    must(
        &refused.stdout,
        refused
            .stdout
            .contains("raised from remote-0 ssh protocol on '127.0.0.1': stop file exists"),
    )?;
    stage.run(Host::Repo, &["start"])?;
    let path = stage.directory(Host::Repo, "repo").display().to_string();
    stage.set(
        Host::Repo,
        "repo1-path",
        &stage.scratch.make_dir("repo/other")?.display().to_string(),
    )?;
    let missing = outcome(&stage, 6)?.expect_code(103)?;
    must(&missing.stdout, missing.stdout.contains("archive.info"))?;
    stage.set(Host::Repo, "repo1-path", &path)?;
    must(
        "the kept connection was used for these",
        started(&stage)? == before,
    )?;
    must("it is still used", push(&stage, 6)? == 0)?;

    // Another way to the host is another connection.
    let config = fs::read(stage.config(Host::Repo))?;
    let other = stage.scratch.write("repo/other.conf", config)?;
    stage.set(Host::Pg, "repo1-host-config", &other.display().to_string())?;
    must("another configuration connects", push(&stage, 7)? >= 1)?;

    stage.run(Host::Pg, &["--force", "stop"])?;
    wait(&stage, false)?;
    stage.nothing_left()?;
    stage.run(Host::Pg, &["start"])?;
    must("after a stop it connects", push(&stage, 8)? >= 1)?;
    let listed = stage.run(Host::Repo, &["--recurse", "repo-ls", "archive/main/15-1"])?;
    let segments = listed.stdout.lines().filter(|line| line.contains("/0000"));
    must(&listed.stdout, segments.count() == 8)
}

/// Pushes until a kept connection is used.
fn until_kept(stage: &Stage<'_>, number: u8) -> TestResult {
    let end = Instant::now() + PATIENCE;
    while push(stage, number)? != 0 {
        must("no connection is kept", Instant::now() < end)?;
    }
    Ok(())
}

/// The process that keeps the connection dies, and its end on the other host, before, while and after a segment is pushed.
fn killed(program: &Program) -> TestResult {
    let stage = stage(program)?;
    push(&stage, 1)?;
    let last = match std::env::var_os("PGKEEP_TEST_FULL") {
        Some(_) => 40,
        None => 7,
    };
    for number in 2..=last {
        until_kept(&stage, 1)?;
        if number % 4 < 2 {
            kill(&stage, number % 2 == 0)?;
        }
        let mut push: Child = command(&stage, number)?.spawn()?;
        if number % 4 >= 2 {
            std::thread::sleep(Duration::from_millis(u64::from(number) * 10));
            kill(&stage, number % 2 == 0)?;
        }
        if !push.wait()?.success() {
            // The connection was lost under way: it is told, and PostgreSQL comes again.
            must("lost before the push began", number % 4 >= 2)?;
            outcome(&stage, number)?.success()?;
        }
    }
    let verified = stage.run(Host::Repo, &["--output=text", "--verbose", "verify"])?;
    let whole = format!("total WAL checked: {last}, total valid WAL: {last}");
    must(&verified.stdout, verified.stdout.contains(&whole))
}

/// Ends the process that keeps the connection, or the one on the other host, at once.
fn kill(stage: &Stage<'_>, here: bool) -> TestResult {
    let pids = match here {
        true => vec![holder(
            &stage
                .directory(Host::Pg, "lock")
                .join("main-persist-1.lock"),
        )?],
        false => stage.remotes()?,
    };
    for pid in pids {
        // It may have ended by itself.
        run(Command::new("kill").args(["-KILL", &pid.to_string()]))?;
    }
    Ok(())
}

/// Neither is a socket of somebody else used, nor a connection lent to one.
fn other_user(program: &Program) -> TestResult {
    let stage = stage(program)?;
    if fs::metadata("/proc/self")?.uid() == stage.scratch.account().uid() {
        return Err(Error::Missing("another user: the tests do not run as root".into()).into());
    }
    push(&stage, 1)?;
    let names = names(&stage)?;
    let [last] = names.as_slice() else {
        return Err(format!("{names:?}").into());
    };
    let socket = last.replace(".last", ".sock");
    let socket = stage.directory(Host::Pg, "lock").join(socket);
    let trap = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777))?;
    must("a socket of another user was used", push(&stage, 2)? >= 1)?;
    let (mut came, _) = trap.accept()?;
    let mut said = Vec::new();
    std::io::Read::read_to_end(&mut came, &mut said)?;
    must("another user was told something", said.is_empty())?;
    // The holder that was started takes the name.
    until_kept(&stage, 3)?;
    let mut lent = UnixStream::connect(&socket)?;
    std::io::Read::read_to_end(&mut lent, &mut said)?;
    must("the connection was lent to another user", said.is_empty())?;
    stage.run(Host::Pg, &["--force", "stop"])?;
    stage.nothing_left()
}
