//! Somebody has the key of an account that may only add, and asks for whatever SFTP has.

use std::path::{Path, PathBuf};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::Test;
use crate::append_only::{newest_set, only_unchanged, published, run, stage};
use crate::stage::Stage;

pub(crate) const TESTS: &[(&str, Test)] =
    &[("nothing_that_a_thief_asks_for_changes_what_is_there", thief)];

/// Requests of the thief in a run without soak, and in one with it.
const REQUESTS: (u64, u64) = (1000, 10_000);

/// Somebody has the key and asks at random for whatever the `sftp` program can ask. Both programs restore the same bytes afterwards.
fn thief(program: &Program) -> TestResult {
    let stage = stage(program, &[])?;
    let builder = DataDirBuilder::new("15")?;
    run(&stage, &["--no-online", "stanza-create"])?;
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        builder.wal_segment(1),
    )?;
    run(&stage, &["archive-push", &segment.display().to_string()])?;
    run(&stage, &["--no-online", "--type=full", "backup"])?;
    stage.local_run(&["expire"])?;
    let root = stage.server.files().to_owned();
    let before = published(&root)?;
    let label = newest_set(&root.join("backup/main"))?;
    steal(&stage, before.keys())?;
    only_unchanged(&before, &root)?;

    let pgbackrest = PgBackRest::mandatory()?;
    let local = format!("--config={}", stage.local()?.display());
    let verify = ["--output=text", "--verbose", "verify"];
    for verified in [
        stage.local_run(&verify)?.stdout,
        pgbackrest
            .run([local.as_str(), "--stanza=main"].iter().chain(&verify))?
            .success()?
            .stdout,
    ] {
        if !verified.contains("status: ok") || verified.contains("status: invalid") {
            return Err(format!("not whole:\n{verified}").into());
        }
    }
    let ignore = Ignore::of_restore();
    let data = Snapshot::of(&stage.scratch.join("data"), &ignore)?;
    for (name, ours) in [("ours", true), ("theirs", false)] {
        let copy = stage.scratch.make_dir(name)?;
        let place = format!("--pg1-path={}", copy.display());
        let set = format!("--set={label}");
        let restore = [place.as_str(), set.as_str(), "--type=none", "restore"];
        if ours {
            run(&stage, &restore)?;
        } else {
            let arguments = [local.as_str(), "--stanza=main"];
            pgbackrest
                .run(arguments.iter().chain(&restore))?
                .success()?;
        }
        data.must_equal(&Snapshot::of(&copy, &ignore)?)?;
    }
    Ok(())
}

/// Lets the `sftp` program ask for many things about the files.
fn steal<'a>(stage: &Stage<'_>, files: impl Iterator<Item = &'a PathBuf>) -> TestResult {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let count = if full { REQUESTS.1 } else { REQUESTS.0 };
    let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    let junk = stage
        .scratch
        .write("junk", vec![b'x'; 5000])?
        .display()
        .to_string();
    let seed = 18_u64;
    let mut state = seed;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let mut batch = String::new();
    for number in 0..count {
        let file = &files[next(files.len())];
        let other = &files[next(files.len())];
        let directory = Path::new(file)
            .parent()
            .ok_or("no parent")?
            .display()
            .to_string();
        let new = match next(4) {
            0 => format!("{directory}/thief.{number}.pgbackrest.tmp"),
            _ => format!("{directory}/thief-{number}"),
        };
        let requests = [
            format!("rm {file}"),
            format!("rename {file} {new}"),
            format!("rename {other} {file}"),
            format!("rename -l {file} {new}"),
            format!("rename -l {other} {file}"),
            format!("ln {file} {new}"),
            format!("ln {other} {file}"),
            format!("ln -s {file} {new}"),
            format!("chmod 666 {file}"),
            format!("chmod -h 666 {file}"),
            format!("chmod 000 {directory}"),
            format!("chown 0 {file}"),
            format!("chgrp 0 {file}"),
            format!("put {junk} {file}"),
            format!("put -p {junk} {file}"),
            format!("put -a {junk} {file}"),
            format!("reput {junk} {file}"),
            format!("put {junk} {new}"),
            format!("cp {file} {new}"),
            format!("cp {other} {file}"),
            format!("rmdir {directory}"),
            format!("mkdir {new}"),
            format!("rename {directory} {new}"),
            format!("rm {directory}/*"),
        ];
        // Goes on where one is refused, and shows nothing.
        batch.push_str(&format!("-@{}\n", requests[next(requests.len())]));
    }
    batch.push_str("put ");
    batch.push_str(&format!(
        "{junk} {}/thief-was-here\n",
        stage.server.remote_dir()
    ));
    let batch = stage.scratch.write("batch", batch)?;
    let address = stage.server.address();
    let outcome = pgkeep_testkit::run::run(
        stage
            .scratch
            .account()
            .command("sftp")
            .args(["-q", "-b"])
            .arg(&batch)
            .arg("-i")
            .arg(stage.key())
            .args(["-P", &address.port().to_string(), "-o"])
            .arg(format!(
                "UserKnownHostsFile={}",
                stage.server.known_hosts().display()
            ))
            .arg(format!("{}@{}", stage.server.user(), address.ip())),
    )?;
    // The last request, which is allowed, has been reached.
    if outcome.code != 0 || !stage.server.files().join("thief-was-here").exists() {
        return Err(format!("seed {seed}: {outcome:?}").into());
    }
    Ok(())
}
