//! Many segments into two repositories while the background process is killed and repositories fail at random.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::random::Random;
use crate::stage::{Result, Stage, name};

/// Segments of a default run and of a full one.
const SEGMENTS: u32 = 120;
const SEGMENTS_FULL: u32 = 2000;
/// Segments that wait at once.
const QUEUE: usize = 10;
/// Calls for one segment after which it is clear that it never ends.
const MOST_CALLS: u32 = 100;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (number, where_, kinds) in [
        (1, "two_directories", vec![Kind::Posix, Kind::Posix]),
        (2, "a_directory_and_sftp", vec![Kind::Posix, Kind::Sftp]),
        (3, "sftp_that_only_takes", vec![Kind::Adds]),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("no_segment_is_lost_in_{where_}_whatever_dies_or_fails"),
            move || churn(&program, number, &kinds),
        );
    }
    suite
}

/// The repository that fails at present, with what is closed of it and the calls that are left of it.
struct Failing {
    place: usize,
    whole: bool,
    calls: u64,
}

fn churn(program: &Program, test: u64, kinds: &[Kind]) -> TestResult {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    // Encrypted: two files of one segment are never the same.
    let (share, cipher) = match kinds {
        [Kind::Adds] => (4, "aes-256-cbc"),
        _ => (1, "none"),
    };
    let segments = if full { SEGMENTS_FULL } else { SEGMENTS } / share;
    let mut options = vec![("archive-timeout", "3")];
    if cipher != "none" {
        options.extend([("repo1-cipher-type", cipher), ("repo1-cipher-pass", "x")]);
    }
    let stage = Stage::new(program, kinds, &options)?;
    let mut random = Random::of(test);
    // The name of the directory changes on the way.
    let first = 4096 - segments / 2;
    let mut archiver = Archiver::new(&stage, first);
    let (mut failing, mut unchecked): (Option<Failing>, Vec<u32>) = (None, Vec::new());
    let (mut calls, mut killed, mut failures) = (0, 0, 0);
    for number in first..first + segments {
        while archiver.ready.len() < QUEUE.min((first + segments - number) as usize) {
            archiver.switch()?;
        }
        let mut tries = 0;
        loop {
            turn(&stage, &mut random, &mut failing, &mut failures)?;
            let fault = fault(&mut random, &mut killed);
            let outcome = archiver.push(&fault)?;
            calls += 1;
            tries += 1;
            if outcome.code == 0 {
                break;
            }
            if tries > MOST_CALLS || outcome.stdout.contains("different checksum") {
                outcome.success()?;
            }
        }
        unchecked.push(archiver.done()?);
        // What a closed repository has can be seen when it is open again.
        if failing.is_none() {
            for number in unchecked.drain(..) {
                stage.is_stored(number)?;
            }
            for segment in stage.acknowledged()? {
                for place in &stage.places {
                    if place.stored(&segment)?.len() != 1 {
                        return Err(format!("{segment} is acknowledged but not stored").into());
                    }
                }
            }
        }
    }
    if let Some(failing) = failing {
        stage.places[failing.place].open(failing.whole)?;
    }
    stage.settle()?;
    println!(
        "archive, churn {test}: {segments} segments in {calls} calls, {killed} with a fault, {failures} failures of a repository"
    );
    everything_is_there(&stage, first..first + segments)
}

/// One of the repositories begins to fail, or works again.
fn turn(
    stage: &Stage<'_>,
    random: &mut Random,
    failing: &mut Option<Failing>,
    failures: &mut u32,
) -> Result<()> {
    match failing {
        Some(Failing {
            place,
            whole,
            calls: 0,
        }) => {
            stage.places[*place].open(*whole)?;
            *failing = None;
        }
        Some(failing) => failing.calls -= 1,
        // There must be WAL before it can be closed.
        None if random.below(15) == 0 && stage.places.iter().all(|place| place.wal().exists()) => {
            let new = Failing {
                place: random.below(stage.places.len() as u64) as usize,
                whole: random.below(2) == 0,
                calls: random.below(3),
            };
            stage.places[new.place].close(new.whole)?;
            *failing = Some(new);
            *failures += 1;
        }
        None => {}
    }
    Ok(())
}

/// What happens to the processes of the next call.
fn fault(random: &mut Random, killed: &mut u32) -> String {
    // A run on a full queue has some hundred operations on repositories and spool.
    let at = 1 + random.below(160);
    let fault = match random.below(20) {
        0 | 1 => format!("async:kill:{at}"),
        2 => format!("async:torn-kill:{at}"),
        3 => format!("async:error:{at}"),
        4 => format!("async:no-space:{at}"),
        5 => format!("async:torn-error:{at}"),
        // The command in front dies as well, when a server is stopped the hard way.
        6 => format!("kill:{}", 1 + at % 20),
        7 => format!("async:panic:{at}"),
        _ => return String::new(),
    };
    *killed += 1;
    fault
}

/// Every repository gives every segment back, once and right, and holds nothing else.
fn everything_is_there(stage: &Stage<'_>, numbers: std::ops::Range<u32>) -> Result<()> {
    for number in numbers.clone() {
        stage.is_stored(number)?;
    }
    for key in 1..=stage.places.len() {
        // What was fetched ahead from the other repository is not this one's.
        let ahead = stage.scratch.join("spool/archive/main/in");
        if ahead.exists() {
            std::fs::remove_dir_all(ahead)?;
        }
        // In the background, as one login for each segment would take most of the time.
        let options = [&format!("--repo={key}"), "--archive-timeout=60"];
        for number in numbers.clone() {
            stage.get("", number, &options)?.success()?;
        }
        stage.settle()?;
    }
    let published = numbers.len();
    for place in &stage.places {
        let mut found = 0;
        for directory in crate::place::names(&place.wal())? {
            let names = crate::place::names(&place.wal().join(directory))?;
            found += names.iter().filter(|name| !name.ends_with(".tmp")).count();
        }
        if found != published {
            return Err(format!("{found} files of {published} segments").into());
        }
    }
    // The first that was never written.
    let end = name(numbers.end);
    let missing = stage.get("", numbers.end, &["--no-archive-async"])?;
    if missing.code == 1 {
        Ok(())
    } else {
        Err(format!("{end}: {}\n{}", missing.code, missing.stdout).into())
    }
}
