//! Archiving through an account that may only add: the connection that is kept, the background process, files that are no
//! segments, and what is pushed twice.

use std::fs;
use std::path::Path;
use std::time::Instant;

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::suite::TestResult;

use crate::append_only::{Files, only_added, stage};
use crate::persist::{PATIENCE, get, push, wait};
use crate::stage::{Options, Stage};
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a_kept_connection_serves_an_account_that_only_adds", held),
    (
        "a_background_process_serves_an_account_that_only_adds",
        in_background,
    ),
    (
        "a_cut_at_any_piece_delays_a_push_that_only_adds_and_nothing_else",
        cut,
    ),
];

/// Encrypted, so that two files of one segment never have the same bytes.
const ENCRYPTED: Options<'static> = &[
    ("repo1-cipher-type", "aes-256-cbc"),
    ("repo1-cipher-pass", "x"),
];

/// What PostgreSQL hands over besides segments.
const HISTORY: &str = "00000002.history";
const PARTIAL: &str = "000000010000000000000007.partial";
const BACKUP: &str = "000000010000000000000003.00000028.backup";

fn created<'a>(program: &'a Program, options: Options<'_>) -> Result<Stage<'a>> {
    let stage = stage(program, options)?;
    stage
        .ours_with(&[], &["--no-online", "stanza-create"])?
        .success()?;
    Ok(stage)
}

fn write(stage: &Stage<'_>, name: &str, bytes: &[u8]) -> Result<String> {
    let path = stage.scratch.write(format!("data/pg_wal/{name}"), bytes)?;
    Ok(path.display().to_string())
}

/// Each file twice, with equal bytes, which is a success and changes nothing; and once with others, which is refused.
fn twice_and_other(stage: &Stage<'_>, options: &[&str]) -> TestResult {
    let builder = DataDirBuilder::new("15")?;
    let call = |path: &str| -> Result<Outcome> {
        // What the spool knows of a segment is told without a look at it.
        let spool = stage.scratch.join("spool/archive");
        if spool.exists() {
            fs::remove_dir_all(spool)?;
        }
        stage.ours_with(&[], &[options, &["archive-push", path]].concat())
    };
    let root = stage.server.files();
    let small = |number: u8| format!("1\t0/{number}000000\tno recovery target specified\n");
    let others = [
        (
            "000000010000000000000006",
            builder.wal_segment(6),
            builder.wal_segment(60),
        ),
        (PARTIAL, builder.wal_segment(7), builder.wal_segment(70)),
        (HISTORY, small(3).into(), small(4).into()),
        (BACKUP, small(5).into(), small(6).into()),
    ];
    for (name, bytes, other) in others {
        // As the server marks it, by which the background process finds it.
        let mark = format!("data/pg_wal/archive_status/{name}.ready");
        stage.scratch.write(&mark, "")?;
        let path = write(stage, name, &bytes)?;
        call(&path)?.success()?;
        let files = only_added(&Files::new(), root)?;
        call(&path)?.success()?;
        if only_added(&files, root)? != files {
            return Err(format!("{name} was stored twice").into());
        }
        write(stage, name, &other)?;
        let refused = call(&path)?;
        if refused.code != 45 {
            return Err(format!("{name} with other bytes: {refused:?}").into());
        }
        if only_added(&files, root)? != files {
            return Err(format!("{name} was stored with other bytes").into());
        }
        let fetched = stage.scratch.join("data/RECOVERYFILE");
        let target = fetched.display().to_string();
        let get = ["archive-get", name, &target];
        stage.ours_with(&[], &get)?.success()?;
        if fs::read(&fetched)? != bytes {
            return Err(format!("{name} came back with other bytes").into());
        }
        fs::remove_file(fetched)?;
        fs::remove_file(Path::new(&path))?;
        fs::remove_file(stage.scratch.join(&mark))?;
    }
    Ok(())
}

/// Whoever keeps the repository finds all of it whole.
fn kept(stage: &Stage<'_>, segments: usize) -> TestResult {
    only_added(&Files::new(), stage.server.files())?;
    let verify = ["--output=text", "--verbose", "verify"];
    let verified = stage.local_run(&verify)?.stdout;
    let whole = format!("total WAL checked: {segments}, total valid WAL: {segments}");
    match verified.contains(&whole) {
        true => Ok(()),
        false => Err(verified.into()),
    }
}

fn held(program: &Program) -> TestResult {
    let mut stage = created(program, ENCRYPTED)?;
    let proxy = Network::new().to(stage.server.address())?;
    stage.reached_at(proxy.address())?;
    push(&stage, 1)?;
    push(&stage, 2)?;
    wait(&stage, true)?;
    let mut files = only_added(&Files::new(), stage.server.files())?;
    for number in 3..=4 {
        if push(&stage, number)? != 0 || get(&stage, number)? != 0 {
            return Err(format!("segment {number} did not use the connection that is kept").into());
        }
        files = only_added(&files, stage.server.files())?;
    }
    // The line is cut, and the next segment finds another way.
    proxy.cut_all();
    push(&stage, 5)?;
    twice_and_other(&stage, &["--repo1-sftp-persist=10m"])?;
    only_added(&files, stage.server.files())?;
    let end = Instant::now() + PATIENCE;
    while get(&stage, 5)? != 0 {
        if Instant::now() > end {
            return Err("no connection is kept any more".into());
        }
    }
    stage.ours_with(&[], &["--force", "stop"])?.success()?;
    kept(&stage, 6)
}

fn in_background(program: &Program) -> TestResult {
    let stage = created(program, ENCRYPTED)?;
    let builder = DataDirBuilder::new("15")?;
    let name = |number: u8| format!("0000000100000000000000{number:02X}");
    for number in 1..=3 {
        write(&stage, &name(number), &builder.wal_segment(number))?;
        let mark = format!("data/pg_wal/archive_status/{}.ready", name(number));
        stage.scratch.write(mark, "")?;
    }
    let asynchronous = ["--archive-async", "--archive-timeout=30"];
    let call = |number: u8| -> TestResult {
        let path = stage.scratch.join(format!("data/pg_wal/{}", name(number)));
        let path = path.display().to_string();
        let push = [&asynchronous[..], &["archive-push", &path]].concat();
        stage.ours_with(&[], &push)?.success()?;
        let mark = format!("data/pg_wal/archive_status/{}.ready", name(number));
        Ok(fs::remove_file(stage.scratch.join(mark))?)
    };
    for number in 1..=3 {
        call(number)?;
    }
    let files = only_added(&Files::new(), stage.server.files())?;
    // The spool forgets it, as after a crash of the machine: the same bytes are found to be there.
    fs::remove_dir_all(stage.scratch.join("spool/archive"))?;
    for number in 1..=3 {
        let mark = format!("data/pg_wal/archive_status/{}.ready", name(number));
        stage.scratch.write(mark, "")?;
    }
    for number in 1..=3 {
        call(number)?;
    }
    if only_added(&files, stage.server.files())? != files {
        return Err("a segment was stored twice".into());
    }
    for number in 1..=3 {
        fs::remove_file(stage.scratch.join(format!("data/pg_wal/{}", name(number))))?;
    }
    twice_and_other(&stage, &asynchronous)?;
    kept(&stage, 4)
}

fn cut(program: &Program) -> TestResult {
    let mut stage = created(
        program,
        &[("compress-type", "none"), ENCRYPTED[0], ENCRYPTED[1]],
    )?;
    let builder = DataDirBuilder::new("15")?;
    let segment = |stage: &Stage<'_>, number: u64| -> Result<String> {
        let bytes = builder.wal_segment(u8::try_from(number % 250)?);
        write(stage, &format!("0000000100000000{number:08X}"), &bytes)
    };
    let over = |stage: &mut Stage<'_>, network: Network, path: &str| -> Result<(u64, bool)> {
        let proxy = network.to(stage.server.address())?;
        stage.reached_at(proxy.address())?;
        stage.ours_with(&[], &["archive-push", path])?.success()?;
        Ok((proxy.pieces(), proxy.has_struck()))
    };
    let first = segment(&stage, 1)?;
    let (all, _) = over(&mut stage, Network::new(), &first)?;
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let step = usize::try_from(if full { 1 } else { (all / 9).max(1) })?;
    let (mut struck, mut number) = (0, 1);
    let mut files = only_added(&Files::new(), stage.server.files())?;
    for at in (1..=all).step_by(step) {
        number += 1;
        let told = |error: Box<dyn std::error::Error>| format!("cut at {at} of {all}: {error}");
        let path = segment(&stage, number)?;
        let cut = over(&mut stage, Network::new().cut_at_piece(at), &path).map_err(told)?;
        struck += usize::from(cut.1);
        files = only_added(&files, stage.server.files()).map_err(told)?;
        fs::remove_file(path)?;
    }
    if struck < 5 {
        return Err(format!("only {struck} cuts happened").into());
    }
    kept(&stage, usize::try_from(number)?)
}
