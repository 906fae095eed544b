//! Several writers of one file at the same time: a postmaster crash leaves an `archive_command` behind whose segment the next
//! one pushes too, and two hosts may share a repository that no lock file covers.
//!
//! Invariant: whoever is told success, and however many there were, one whole file is stored. `PGKEEP_TEST_FULL=1` pushes
//! hundreds of segments of many sizes.

use std::fs;
use std::sync::{Arc, Barrier};

use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::place::{Kind, Place, names};
use crate::random::Random;
use crate::stage::{Result, Stage, name};

const CODECS: [&str; 5] = ["none", "gz", "lz4", "zst", "bz2"];
/// Writers of one segment.
const WRITERS: usize = 4;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program, Kind) -> TestResult;
    let cases: [(&str, Case); 5] = [
        (
            "segments_pushed_by_several_at_once_are_whole_on_a_plain",
            |program, kind| push(program, kind, false),
        ),
        (
            "segments_pushed_by_several_at_once_are_whole_on_an_encrypted",
            |program, kind| push(program, kind, true),
        ),
        (
            "info_files_written_by_several_at_once_are_whole_on_a",
            info_files,
        ),
        (
            "a_stanza_created_by_several_at_once_has_one_pass_phrase_on_a",
            stanza,
        ),
        (
            "a_damaged_segment_is_stored_again_and_not_called_archived_on_a",
            damaged,
        ),
    ];
    for (name, case) in cases {
        for (place, kind) in [
            ("directory", Kind::Posix),
            ("share", Kind::Cifs),
            ("server", Kind::Sftp),
        ] {
            let program = Arc::clone(program);
            suite = suite.test(format!("{name}_{place}"), move || case(&program, kind));
        }
    }
    for (name, cipher) in [("a_plain", false), ("an_encrypted", true)] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!(
                "segments_pushed_by_several_at_once_are_whole_on_{name}_server_that_only_takes"
            ),
            move || push(&program, Kind::Adds, cipher),
        );
    }
    let again = Arc::clone(program);
    suite = suite.test(
        "a_stanza_created_by_several_at_once_has_one_pass_phrase_on_a_server_that_only_takes",
        move || stanza(&again, Kind::Adds),
    );
    let program = Arc::clone(program);
    suite.test("several_gets_of_one_segment_bring_it_whole", move || {
        get(&program)
    })
}

fn is_full() -> bool {
    std::env::var_os("PGKEEP_TEST_FULL").is_some()
}

fn stage<'a>(program: &'a Program, kind: Kind, cipher: bool) -> Result<Stage<'a>> {
    let mut options = vec![("archive-async", "n")];
    if cipher {
        options.extend([
            ("repo1-cipher-type", "aes-256-cbc"),
            ("repo1-cipher-pass", "swordfish-of-the-test"),
        ]);
    }
    Stage::new(program, &[kind], &options)
}

/// Runs a command several times at the same time.
fn run_concurrently(stage: &Stage<'_>, times: usize, arguments: &[&str]) -> Result<Vec<Outcome>> {
    let barrier = Barrier::new(times);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..times)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    stage.run("", arguments).map_err(|error| error.to_string())
                })
            })
            .collect();
        running
            .into_iter()
            .map(|one| Ok(one.join().map_err(|_| "a thread panicked")??))
            .collect()
    })
}

/// Nothing but published files lies in a directory of the repository.
fn no_temporary_files(place: &Place, directory: &str) -> TestResult {
    let left: Vec<_> = names(&place.files.join(directory))?
        .into_iter()
        .filter(|name| name.ends_with(".pgbackrest.tmp"))
        .collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("temporary files are left: {left:?}").into())
    }
}

/// Bytes that compress a little, so that every codec has something to do.
fn content(random: &mut Random, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        let word = random.below(u64::MAX).to_le_bytes();
        bytes.extend_from_slice(&word);
        bytes.extend_from_slice(&[0; 8]);
    }
    bytes.truncate(size);
    bytes
}

fn push(program: &Program, kind: Kind, cipher: bool) -> TestResult {
    let stage = stage(program, kind, cipher)?;
    let mut random = Random::of(4_000 + u64::from(cipher));
    let rounds = if is_full() { 12 } else { 1 };
    let mut number = 0;
    for _ in 0..rounds {
        for codec in CODECS {
            number += 1;
            // The largest is read twice and not kept in memory.
            let size = match number % 12 {
                11 => 66 << 20,
                7 => 16 << 20,
                _ => 1 + random.below(3 << 20),
            };
            let size = usize::try_from(size)?;
            let bytes = content(&mut random, size);
            let segment = name(number);
            let file = stage
                .scratch
                .write(format!("data/pg_wal/{segment}"), &bytes)?;
            let (path, codec) = (
                file.display().to_string(),
                format!("--compress-type={codec}"),
            );
            let arguments = [
                "--no-archive-header-check",
                codec.as_str(),
                "archive-push",
                &path,
            ];
            for outcome in run_concurrently(&stage, WRITERS, &arguments)? {
                outcome.success()?;
            }
            is_whole(&stage, number, &bytes)?;
            // What is said of it afterwards is true.
            let again = stage.run("", &arguments)?.success()?;
            if !again
                .stderr
                .contains("already exists in the repo1 archive with the same checksum")
                && !again
                    .stdout
                    .contains("already exists in the repo1 archive with the same checksum")
            {
                return Err(format!(
                    "no warning about the duplicate:\n{}{}",
                    again.stdout, again.stderr
                )
                .into());
            }
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// One file is stored, and what comes out of it is what went in.
fn is_whole(stage: &Stage<'_>, number: u32, bytes: &[u8]) -> TestResult {
    stage.is_stored(number)?;
    let segment = name(number);
    if !stage.only_adds() {
        no_temporary_files(
            &stage.places[0],
            &format!("archive/main/15-1/{}", &segment[..16]),
        )?;
    }
    let target = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let path = target.display().to_string();
    stage
        .run("", &["archive-get", &segment, &path])?
        .success()?;
    if fs::read(&target)? == bytes {
        Ok(())
    } else {
        Err(format!("segment {segment} came back with other bytes").into())
    }
}

/// Runs a command on several hosts at the same time. Locks keep two runs on one host apart; with a lock path each nothing does.
fn on_hosts(stage: &Stage<'_>, arguments: &[&str]) -> Result<Vec<Outcome>> {
    let barrier = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..WRITERS)
            .map(|host| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let lock = stage.scratch.join(format!("lock-of-host-{host}"));
                    let lock = format!("--lock-path={}", lock.display());
                    barrier.wait();
                    stage
                        .run("", &[&[lock.as_str()], arguments].concat())
                        .map_err(|error| error.to_string())
                })
            })
            .collect();
        running
            .into_iter()
            .map(|one| Ok(one.join().map_err(|_| "a thread panicked")??))
            .collect()
    })
}

fn info_files(program: &Program, kind: Kind) -> TestResult {
    let stage = stage(program, kind, true)?;
    for _ in 0..if is_full() { 40 } else { 3 } {
        for outcome in on_hosts(&stage, &["--repo1-retention-full=1", "expire"])? {
            outcome.success()?;
        }
        no_temporary_files(&stage.places[0], "backup/main")?;
        // Either of the two copies alone must do.
        for hidden in ["backup.info", "backup.info.copy"] {
            let file = stage.places[0].files.join("backup/main").join(hidden);
            let aside = file.with_extension("aside");
            fs::rename(&file, &aside)?;
            let outcome = stage.run("", &["info"])?;
            fs::rename(&aside, &file)?;
            if !outcome
                .success()?
                .stdout
                .contains("error (no valid backups)")
            {
                return Err(format!("without {hidden} the stanza is not read").into());
            }
        }
    }
    Ok(())
}

fn stanza(program: &Program, kind: Kind) -> TestResult {
    let stage = stage(program, kind, true)?;
    let files = &stage.places[0].files;
    for round in 0..if is_full() { 30 } else { 3 } {
        for part in ["archive/main", "backup/main"] {
            fs::remove_dir_all(files.join(part))?;
        }
        // One finds nothing there; others may find what it has begun, and say so.
        let made = on_hosts(&stage, &["--no-online", "stanza-create"])?;
        if made.iter().all(|outcome| outcome.code != 0) {
            return Err(format!("nobody made the stanza: {made:?}").into());
        }
        for name in ["archive/main/archive.info", "backup/main/backup.info"] {
            let (main, copy) = (files.join(name), files.join(format!("{name}.copy")));
            if fs::read(main)? != fs::read(copy)? {
                return Err(format!("round {round}: {name} and its copy differ").into());
            }
        }
        stage
            .run("", &["--no-online", "stanza-create"])?
            .success()?;
    }
    Ok(())
}

/// Whatever brought wrong bytes under a right name, the next push does not call it archived.
fn damaged(program: &Program, kind: Kind) -> TestResult {
    let stage = stage(program, kind, true)?;
    let bytes = content(&mut Random::of(4_010), 300_000);
    let segment = name(1);
    let file = stage
        .scratch
        .write(format!("data/pg_wal/{segment}"), &bytes)?;
    let path = file.display().to_string();
    let push = |more: &str| {
        stage.run(
            "",
            &["--no-archive-header-check", more, "archive-push", &path],
        )
    };
    push("--no-archive-async")?.success()?;
    let [stored] = stage.places[0]
        .stored(&segment)?
        .try_into()
        .map_err(|_| "not one file")?;
    let stored = stage.places[0].wal().join(&segment[..16]).join(stored);
    let whole = fs::read(&stored)?;
    for cut in [0, whole.len() / 2, whole.len() - 1] {
        // In place: the owner and mode stay those of the account.
        fs::write(&stored, &whole[..cut])?;
        let outcome = push("--no-archive-async")?.success()?;
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        if !text.contains("was damaged (") || text.contains("with the same checksum") {
            return Err(format!("cut to {cut} bytes it is called archived:\n{text}").into());
        }
        is_whole(&stage, 1, &bytes)?;
    }
    // With another compression its place cannot be taken: an error, and PostgreSQL keeps the segment.
    fs::write(&stored, &whole[..10])?;
    let outcome = push("--compress-type=none")?.expect_code(104)?;
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    if !text.contains("is damaged (") || !text.contains("repo-rm") {
        return Err(format!("no word of the damaged file:\n{text}").into());
    }
    // In the background too.
    let mark = format!("data/pg_wal/archive_status/{segment}.ready");
    stage.scratch.write(mark, "")?;
    push("--archive-async")?.success()?;
    stage.settle()?;
    is_whole(&stage, 1, &bytes)
}

/// `restore_command` of an old server and a new one, and somebody by hand: each gets a whole file and leaves nothing.
fn get(program: &Program) -> TestResult {
    let stage = stage(program, Kind::Posix, true)?;
    let bytes = content(&mut Random::of(4_011), 3 << 20);
    let segment = name(1);
    let file = stage
        .scratch
        .write(format!("data/pg_wal/{segment}"), &bytes)?;
    stage
        .run(
            "",
            &[
                "--no-archive-header-check",
                "archive-push",
                &file.display().to_string(),
            ],
        )?
        .success()?;
    let target = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let path = target.display().to_string();
    // What runs that were killed left, of this program and of pgBackRest.
    for left in ["", ".0123456789abcdef0"] {
        let name = format!("data/pg_wal/RECOVERYXLOG{left}.pgbackrest.tmp");
        stage.scratch.write(name, "half")?;
    }
    for _ in 0..if is_full() { 50 } else { 5 } {
        for outcome in run_concurrently(&stage, WRITERS, &["archive-get", &segment, &path])? {
            outcome.success()?;
        }
        if fs::read(&target)? != bytes {
            return Err("a get brought wrong bytes".into());
        }
        let left: Vec<_> = names(&stage.wal())?
            .into_iter()
            .filter(|name| name.ends_with(".pgbackrest.tmp"))
            .collect();
        if !left.is_empty() {
            return Err(format!("temporary files are left: {left:?}").into());
        }
        fs::remove_file(&target)?;
    }
    Ok(())
}
