//! Two hosts that push to one archive, as an old and a new primary do.

use std::fs::File;

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::suite::TestResult;
use rustix::fs::FlockOperation;

use crate::stage::{Host, Stage};
use crate::{Result, Test, tls};

pub const TESTS: &[(&str, Test)] = &[
    ("two_hosts_push_to_one_archive_at_once_by_ssh", by_ssh),
    ("two_hosts_push_to_one_archive_at_once_by_tls", by_tls),
    (
        "pushes_and_the_commands_of_pgbackrest_keep_each_other_out",
        kept_out,
    ),
];

fn by_ssh(program: &Program) -> TestResult {
    let stage = Stage::at_rest(program)?;
    at_once(&stage)
}

fn by_tls(program: &Program) -> TestResult {
    let mut stage = Stage::at_rest(program)?;
    let _servers = tls::connect(&mut stage, ("tls-server-rights", "pg=main:push"))?;
    at_once(&stage)
}

fn at_once(stage: &Stage<'_>) -> TestResult {
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    for number in 1..=4 {
        // A segment of one name: with the same bytes on both hosts, or with other ones.
        let fills = if number % 2 == 1 { [7, 7] } else { [7, 8] };
        let [first, second] = std::thread::scope(|scope| {
            let hosts = [("first", fills[0]), ("second", fills[1])];
            let push = move |host, fill| {
                push(stage, host, number, fill).map_err(|error| error.to_string())
            };
            hosts
                .map(|(host, fill)| scope.spawn(move || push(host, fill)))
                .map(|thread| thread.join().unwrap_or_else(|_| Err("a panic".into())))
        });
        let outcomes = [first?, second?];
        let mut codes = outcomes.each_ref().map(|outcome| outcome.code);
        codes.sort_unstable();
        let expected = if fills[0] == fills[1] {
            [0, 0]
        } else {
            [0, 45]
        };
        let said: Vec<_> = outcomes.iter().map(|outcome| &outcome.stdout).collect();
        if codes != expected {
            return Err(format!("segment {number} ended with {codes:?}: {said:?}").into());
        }
        let told = "already exists in the repo1 archive with a different checksum";
        if codes[1] == 45 && !said.iter().any(|said| said.contains(told)) {
            return Err(format!("segment {number}: {said:?}").into());
        }
    }
    let listed = stage.run(Host::Repo, &["--recurse", "repo-ls", "archive/main/15-1"])?;
    let segments = listed.stdout.lines().filter(|line| line.contains("/0000"));
    if segments.count() != 4 {
        return Err(listed.stdout.into());
    }
    let left = std::fs::read_dir(stage.directory(Host::Repo, "lock"))?;
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    match left.is_empty() {
        true => stage.nothing_left(),
        false => Err(format!("left in the lock path: {left:?}").into()),
    }
}

/// Pushes a segment from a host that has nothing in common with the other one.
fn push(stage: &Stage<'_>, host: &str, number: u8, fill: u8) -> Result<Outcome> {
    let scratch = &stage.scratch;
    let bytes = DataDirBuilder::new("15")?.wal_segment(fill);
    let segment = format!("{host}/pg_wal/0000000100000000000000{number:02X}");
    let segment = scratch.write(segment, bytes)?;
    scratch.account().own_tree(&segment)?;
    let lock_path = scratch.make_dir(format!("{host}/lock"))?;
    stage.outcome(
        Host::Pg,
        &[
            &format!("--lock-path={}", lock_path.display()),
            "archive-push",
            &segment.display().to_string(),
        ],
    )
}

fn kept_out(program: &Program) -> TestResult {
    let stage = Stage::at_rest(program)?;
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    let lock = stage
        .directory(Host::Repo, "lock")
        .join("main-archive-1.lock");
    let file = File::create(&lock)?;
    stage.scratch.account().own(&lock)?;
    let pgbackrest = PgBackRest::rolling()?;
    let upgrade = || -> Result<Outcome> {
        let text = std::fs::read_to_string(stage.config(Host::Repo))?;
        let lines = text.lines().filter(|line| !line.starts_with("pg1-host"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let config = stage.scratch.write("theirs.conf", text)?;
        let config = format!("--config={}", config.display());
        Ok(pgbackrest.run([&*config, "--stanza=main", "--no-online", "stanza-upgrade"])?)
    };
    // As a push has it while it goes on.
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)?;
    let refused = upgrade()?.expect_code(50)?;
    if !refused.stdout.contains("main-archive-1.lock") {
        return Err(refused.stdout.into());
    }
    push(&stage, "first", 1, 7)?.success()?;
    // As pgBackRest has it.
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let refused = push(&stage, "first", 2, 7)?.expect_code(103)?;
    if !refused.stdout.contains("unable to acquire lock on file") {
        return Err(refused.stdout.into());
    }
    drop(file);
    upgrade()?.success()?;
    push(&stage, "first", 2, 7)?.success()?;
    stage.nothing_left()
}
