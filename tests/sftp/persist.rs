//! The connection that a process keeps for the segments that come soon (`repo-sftp-persist`).

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::error::Error;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::Stage;
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_second_segment_soon_after_leaves_a_connection_for_the_next",
        kept,
    ),
    (
        "no_connection_persists_where_that_is_not_wanted",
        not_wanted,
    ),
    ("a_persistent_connection_is_for_its_user_alone", other_user),
];

/// When a condition that must come true has not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) fn create(stage: &Stage<'_>) -> TestResult {
    stage.run(&["--no-online", "stanza-create"]).map(drop)
}

/// Pushes a segment; gives the connections that this took.
pub(crate) fn push(stage: &Stage<'_>, number: u8) -> Result<usize> {
    let name = format!("data/pg_wal/0000000100000000000000{number:02X}");
    let bytes = DataDirBuilder::new("15")?.wal_segment(number);
    let segment = stage.scratch.write(name, bytes)?.display().to_string();
    run(stage, &["archive-push", &segment])
}

/// Fetches a segment and compares it; gives the connections that this took.
pub(crate) fn get(stage: &Stage<'_>, number: u8) -> Result<usize> {
    let target = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let (name, path) = (
        format!("0000000100000000000000{number:02X}"),
        target.display().to_string(),
    );
    let made = run(stage, &["archive-get", &name, &path])?;
    if fs::read(&target)? != DataDirBuilder::new("15")?.wal_segment(number) {
        return Err("the segment came back with other bytes".into());
    }
    fs::remove_file(target)?;
    Ok(made)
}

/// Runs a command, after which a connection persists for long: the test says when it ends. Gives the connections that it made.
fn run(stage: &Stage<'_>, arguments: &[&str]) -> Result<usize> {
    let options = ["--repo1-sftp-persist=10m", "--log-level-console=debug"];
    let outcome = stage
        .ours_with(&[], &[&options, arguments].concat())?
        .success()?;
    let mut lines = outcome.stdout.lines();
    let line = lines.find(|line| line.contains(" round trips, "));
    let line = line.ok_or("no storage was opened")?;
    let before = line.split(" connections").next().unwrap_or_default();
    Ok(before.rsplit(' ').next().unwrap_or_default().parse()?)
}

/// Names in the lock path that have to do with it.
pub(crate) fn names(stage: &Stage<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(stage.scratch.join("lock"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains("-persist-") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Waits until a connection can be had, or none any more; gives the socket.
pub(crate) fn wait(stage: &Stage<'_>, kept: bool) -> Result<Option<PathBuf>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let names = names(stage)?;
        let socket = names.iter().find(|name| name.ends_with(".sock"));
        let over = !names.iter().any(|name| name.ends_with(".lock"));
        if kept && socket.is_some() || !kept && over {
            return Ok(socket.map(|name| stage.scratch.join("lock").join(name)));
        }
        if Instant::now() > end {
            return Err(format!("{names:?}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kept(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    create(&stage)?;
    if push(&stage, 1)? != 1 || names(&stage)?.iter().any(|name| !name.ends_with(".last")) {
        return Err(format!("after one segment: {:?}", names(&stage)?).into());
    }
    if push(&stage, 2)? != 1 {
        return Err("the second segment has no connection to borrow".into());
    }
    wait(&stage, true)?;
    // Nobody but the user gets at it.
    let socket = wait(&stage, true)?.ok_or("no socket")?;
    let mode = fs::metadata(&socket)?.permissions().mode();
    if mode & 0o777 != 0o600 {
        return Err(format!("the socket has mode {mode:o}").into());
    }
    for number in 3..=5 {
        if push(&stage, number)? != 0 || get(&stage, number)? != 0 {
            return Err(format!("segment {number} did not use the connection that is kept").into());
        }
    }
    // A segment of the same name is compared, one that is not there is missing, as ever.
    push(&stage, 5)?;
    let get = ["archive-get", "000000010000000000000009", "/dev/null"];
    let missing = stage.ours_with(&[], &get)?;
    if missing.code != 1 {
        return Err(format!("{missing:?}").into());
    }
    // Other commands know nothing of it.
    stage.run(&["--no-online", "backup"])?;
    // It ends when it has lost its name, and leaves nothing.
    fs::remove_file(socket)?;
    wait(&stage, false)?;
    if !names(&stage)?.is_empty() {
        return Err(format!("left: {:?}", names(&stage)?).into());
    }
    // pgBackRest finds all of it whole. Files belong to the server's account.
    stage.scratch.account().own_tree(stage.server.files())?;
    let config = format!("--config={}", stage.local()?.display());
    let verify = ["--stanza=main", "--output=text", "--verbose", "verify"];
    let verified = PgBackRest::mandatory()?
        .run([&[config.as_str()], &verify[..]].concat())?
        .success()?
        .stdout;
    match verified.contains("total WAL checked: 5, total valid WAL: 5") {
        true => Ok(()),
        false => Err(verified.into()),
    }
}

fn not_wanted(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    create(&stage)?;
    let bytes = DataDirBuilder::new("15")?;
    // Too long for the name of a socket.
    let long = stage
        .scratch
        .make_dir("lock".repeat(25))?
        .display()
        .to_string();
    let mut number = 0;
    for option in [
        "--repo1-sftp-persist=0",
        "--repo1-sftp-host-key-check-type=none",
        "--archive-async",
        &format!("--lock-path={long}"),
    ] {
        for _ in 0..3 {
            number += 1;
            let name = format!("0000000100000000000000{number:02X}");
            // The server's mark, by which the background process finds it.
            let mark = format!("data/pg_wal/archive_status/{name}.ready");
            stage.scratch.write(mark, "")?;
            let path = format!("data/pg_wal/{name}");
            let segment = stage.scratch.write(path, bytes.wal_segment(number))?;
            stage
                .ours_with(
                    &[],
                    &[option, "archive-push", &segment.display().to_string()],
                )?
                .success()?;
        }
        if !names(&stage)?.is_empty() {
            return Err(format!("{option}: {:?}", names(&stage)?).into());
        }
    }
    match fs::read_dir(long)?.count() {
        0 => Ok(()),
        more => Err(format!("{more} files in a lock path with a long name").into()),
    }
}

/// Neither is a socket of somebody else used, nor a connection lent to one.
fn other_user(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    if fs::metadata("/proc/self")?.uid() == stage.scratch.account().uid() {
        return Err(Error::Missing("another user: the tests do not run as root".into()).into());
    }
    create(&stage)?;
    push(&stage, 1)?;
    let names = names(&stage)?;
    let [last] = names.as_slice() else {
        return Err(format!("{names:?}").into());
    };
    let socket = stage
        .scratch
        .join("lock")
        .join(last.replace(".last", ".sock"));
    let trap = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777))?;
    if push(&stage, 2)? != 1 {
        return Err("a socket of another user was used".into());
    }
    let (mut came, _) = trap.accept()?;
    let mut said = Vec::new();
    came.read_to_end(&mut said)?;
    if !said.is_empty() {
        return Err(format!("another user was told {said:?}").into());
    }
    // The holder that was started takes the name.
    let end = Instant::now() + PATIENCE;
    while push(&stage, 3)? != 0 {
        if Instant::now() > end {
            return Err("nothing is held".into());
        }
    }
    UnixStream::connect(&socket)?.read_to_end(&mut said)?;
    match said.is_empty() {
        true => Ok(()),
        false => Err("the connection was lent to another user".into()),
    }
}
