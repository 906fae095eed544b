//! Every state that a crash of the machine, a file system check or somebody's hand leaves the spool in: the next push and the
//! next get do their work, whatever it is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::stage::{Result, Stage, name};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (push, get, unusable) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test("no_state_of_the_spool_stops_a_push", move || pushes(&push))
        .test(
            "no_state_of_the_spool_stops_a_get_or_hands_over_what_is_no_segment",
            move || gets(&get),
        )
        .test(
            "a_get_does_without_a_spool_that_cannot_be_used",
            move || without_spool(&unusable),
        )
}

/// What may be left under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Empty,
    Garbage,
    HalfWritten,
    Zeros,
    Unreadable,
    Directory,
    FullDirectory,
    DanglingLink,
    Fifo,
    /// Was right once, for another file of this name.
    Old,
}

const ALL: [Left; 10] = [
    Left::Empty,
    Left::Garbage,
    Left::HalfWritten,
    Left::Zeros,
    Left::Unreadable,
    Left::Directory,
    Left::FullDirectory,
    Left::DanglingLink,
    Left::Fifo,
    Left::Old,
];

fn leave(stage: &Stage<'_>, path: &Path, left: Left) -> TestResult {
    let write = |content: &[u8]| stage.scratch.write(path, content);
    match left {
        Left::Empty => drop(write(b"")?),
        Left::Garbage => drop(write(b"\xff\xfe no status\n\n")?),
        Left::HalfWritten => drop(write(b"25")?),
        Left::Zeros => drop(write(&[0; 4096])?),
        Left::Unreadable => {
            let path = write(b"25\nsomebody else's")?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o000))?;
        }
        Left::Directory => drop(stage.scratch.make_dir(path)?),
        Left::FullDirectory => drop(stage.scratch.make_dir(path.join("a/b"))?),
        Left::DanglingLink => symlink("/nowhere/at/all", stage.scratch.join(path))?,
        Left::Fifo => {
            let fifo = stage.scratch.join(path);
            if !Command::new("mkfifo").arg(&fifo).status()?.success() {
                return Err("mkfifo failed".into());
            }
        }
        Left::Old => age(&write(b"")?)?,
    }
    Ok(())
}

/// As if written in 2001.
fn age(path: &Path) -> TestResult {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = fs::File::options().write(true).open(path)?;
    Ok(file.set_modified(old)?)
}

fn pushes(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[Kind::Posix], &[("archive-timeout", "60")])?;
    let out = Path::new("spool/archive/main/out");
    stage.scratch.make_dir(out)?;
    let mut archiver = Archiver::new(&stage, 1);
    let both = |left| vec![(".ok", left), (".error", left), ("/global.error", left)];
    let mut cases: Vec<Vec<(&str, Left)>> = Vec::new();
    for left in ALL {
        // An empty one says that the segment was pushed.
        if left != Left::Empty {
            cases.extend([vec![(".ok", left)], both(left)]);
        }
        cases.extend([vec![(".error", left)], vec![("/global.error", left)]]);
    }
    for left in [Left::HalfWritten, Left::FullDirectory, Left::Fifo] {
        let temporary = [
            ".ok.pgbackrest.tmp",
            ".error.pgbackrest.tmp",
            "/x",
            "/lost+found",
        ];
        cases.extend(temporary.map(|name| vec![(name, left)]));
    }
    for case in &cases {
        archiver.switch()?;
        let number = archiver.ready[0];
        for (end, left) in case {
            let file = match end.strip_prefix('/') {
                Some(whole) => whole.to_owned(),
                None => format!("{}{end}", name(number)),
            };
            leave(&stage, &out.join(file), *left)?;
        }
        let outcome = archiver.push("")?;
        if outcome.code != 0 {
            return Err(format!("{case:?} stops the push:\n{}", outcome.stdout).into());
        }
        stage
            .is_stored(number)
            .map_err(|error| format!("{case:?}: {error}"))?;
        archiver.done()?;
    }
    println!("archive, spool: {} states of out", cases.len());
    stage.settle()
}

fn queued(number: u32) -> PathBuf {
    Path::new("spool/archive/main/in").join(name(number))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Leaves something in the place of a segment, or beside it.
type Spoil = fn(&Stage<'_>, u32) -> TestResult;

const SPOILT: [(&str, Spoil); 8] = [
    ("short", |stage, number| {
        let whole = stage.segment(number);
        stage.scratch.write(queued(number), &whole[..8192])?;
        Ok(())
    }),
    ("long", |stage, number| {
        let mut whole = stage.segment(number);
        whole.extend([0; 8192]);
        stage.scratch.write(queued(number), whole)?;
        Ok(())
    }),
    ("all zeros", |stage, number| {
        let zeros = vec![0; stage.segment(number).len()];
        stage.scratch.write(queued(number), zeros)?;
        Ok(())
    }),
    ("older than the machine's start", |stage, number| {
        // The size is right and it begins as it should: only its age tells that blocks may be missing.
        let mut spoilt = stage.segment(number);
        spoilt[8192..65536].fill(0);
        age(&stage.scratch.write(queued(number), spoilt)?)
    }),
    (
        "unreadable, with .ok and .error beside it",
        |stage, number| {
            let path = queued(number);
            leave(stage, &path, Left::Unreadable)?;
            leave(stage, &with(&path, ".ok"), Left::Unreadable)?;
            leave(stage, &with(&path, ".error"), Left::Unreadable)
        },
    ),
    (
        "missing, with an answer older than the machine's start",
        |stage, number| leave(stage, &with(&queued(number), ".ok"), Left::Old),
    ),
    ("missing, with .ok and .error", |stage, number| {
        let path = queued(number);
        stage.scratch.write(with(&path, ".ok"), "0\nhalf")?;
        stage.scratch.write(with(&path, ".error"), "25\nold")?;
        Ok(())
    }),
    ("a directory under its temporary name", |stage, number| {
        leave(
            stage,
            &with(&queued(number), ".pgbackrest.tmp"),
            Left::FullDirectory,
        )
    }),
];

fn gets(program: &Program) -> TestResult {
    let options = [("archive-timeout", "60"), ("archive-get-queue-max", "4MiB")];
    let stage = Stage::new(program, &[Kind::Posix], &options)?;
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..110 {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()?;
    let queue = stage.scratch.make_dir("spool/archive/main/in")?;
    let mut number = 0;
    let mut get = |case: String, more: &[&str], leave: &dyn Fn(u32) -> TestResult| -> Result<()> {
        number += 1;
        // Nothing of the case before helps: all in the queue is of a crash.
        stage.settle()?;
        fs::remove_dir_all(&queue)?;
        stage.scratch.make_dir("spool/archive/main/in")?;
        leave(number)?;
        let outcome = stage
            .get("", number, more)
            .map_err(|error| format!("{case}: {error}"))?;
        if outcome.code == 0 {
            return Ok(());
        }
        let text = format!("{case} ends the get with {}", outcome.code);
        Err(format!("{text}\n{}", outcome.stdout).into())
    };
    // Answers of a process before are believed with it, but not those of a crash.
    const BELIEVE: &[&str] = &["--no-archive-missing-retry"];
    for left in ALL {
        for end in ["", ".ok", ".error", ".pgbackrest.tmp"] {
            // An answer of a process that ran since the machine started.
            if (left, end) == (Left::Empty, ".ok") {
                continue;
            }
            for more in [&[], BELIEVE] {
                get(format!("{left:?} '{end}'"), more, &|number| {
                    leave(&stage, &with(&queued(number), end), left)
                })?;
            }
        }
        get(format!("{left:?} global.error"), &[], &|_| {
            leave(
                &stage,
                Path::new("spool/archive/main/in/global.error"),
                left,
            )
        })?;
    }
    for (state, spoil) in SPOILT {
        get(state.to_owned(), &[], &|number| spoil(&stage, number))?;
    }
    println!("archive, spool: {number} states of in");
    stage.settle()
}

fn without_spool(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[Kind::Posix], &[("archive-timeout", "60")])?;
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..4 {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()?;
    let queue = stage.scratch.join("spool/archive/main/in");
    // A file where the directory should be, and one that nobody may enter or write to.
    stage.scratch.write("spool/archive/main/in", "")?;
    stage.get("", 1, &[])?.success()?;
    fs::remove_file(&queue)?;
    stage.scratch.make_dir("spool/archive/main/in")?;
    for (number, mode) in [(2, 0), (3, 0o500)] {
        fs::set_permissions(&queue, fs::Permissions::from_mode(mode))?;
        let outcome = stage.get("", number, &[])?;
        stage.settle()?;
        fs::set_permissions(&queue, fs::Permissions::from_mode(0o750))?;
        outcome.success()?;
    }
    stage.get("", 4, &[])?.success()?;
    stage.settle()
}
