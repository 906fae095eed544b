//! Recovery out of two repositories while the prefetching process is killed, repositories fail and copies are damaged.

use std::fs;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::random::Random;
use crate::stage::{Result, Stage, name};

const SEGMENTS: u32 = 60;
const SEGMENTS_FULL: u32 = 600;
const FIRST: u32 = 4080;
const MOST_CALLS: u32 = 50;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (number, where_, kinds) in [
        (11, "two_directories", [Kind::Posix, Kind::Posix]),
        (12, "a_directory_and_sftp", [Kind::Posix, Kind::Sftp]),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("recovery_from_{where_}_gets_every_segment_whatever_dies_or_fails"),
            move || recovery(&program, number, &kinds),
        );
    }
    suite
}

fn recovery(program: &Program, test: u64, kinds: &[Kind]) -> TestResult {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let segments = if full { SEGMENTS_FULL } else { SEGMENTS };
    let options = [
        ("archive-timeout", "20"),
        ("archive-get-queue-max", "12MiB"),
    ];
    let stage = Stage::new(program, kinds, &options)?;
    let mut random = Random::of(test);
    let mut archiver = Archiver::new(&stage, FIRST);
    for _ in 0..segments {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()?;
    let damaged = damage(&stage, &mut random, FIRST..FIRST + segments)?;
    let (mut calls, mut faults) = (0, 0);
    for number in FIRST..FIRST + segments {
        let mut tries = 0;
        loop {
            // One of the two is closed during a call; what the other has of it may be damaged.
            let closed =
                (random.below(8) == 0).then(|| (random.below(2) as usize, random.below(2) == 0));
            if let Some((place, whole)) = closed {
                stage.places[place].close(whole)?;
            }
            let at = 1 + random.below(120);
            let fault = match random.below(10) {
                0 => format!("async:kill:{at}"),
                1 => format!("async:torn-kill:{at}"),
                2 => format!("async:error:{at}"),
                3 => format!("async:no-space:{at}"),
                4 => format!("kill:{}", 1 + at % 25),
                _ => String::new(),
            };
            faults += u32::from(!fault.is_empty());
            let outcome = stage.get(&fault, number, &[]);
            if let Some((place, whole)) = closed {
                stage.places[place].open(whole)?;
            }
            let outcome = outcome?;
            calls += 1;
            tries += 1;
            match outcome.code {
                0 => break,
                1 => {
                    return Err(format!(
                        "{} was called missing:\n{}",
                        name(number),
                        outcome.stdout
                    )
                    .into());
                }
                _ if tries > MOST_CALLS => {
                    outcome.success()?;
                }
                _ => {}
            }
        }
    }
    println!(
        "archive, recovery {test}: {segments} segments in {calls} calls, {faults} with a fault, {damaged} damaged copies"
    );
    stage.settle()?;
    let end = stage.get("", FIRST + segments, &[])?;
    stage.settle()?;
    if end.code == 1 {
        Ok(())
    } else {
        Err(format!("the end: {}\n{}", end.code, end.stdout).into())
    }
}

/// Breaks one copy of some segments; returns of how many.
fn damage(stage: &Stage<'_>, random: &mut Random, numbers: std::ops::Range<u32>) -> Result<u32> {
    let mut damaged = 0;
    for number in numbers {
        if random.below(6) > 0 {
            continue;
        }
        let place = &stage.places[random.below(stage.places.len() as u64) as usize];
        let segment = name(number);
        let stored = place.stored(&segment)?;
        let file = place.wal().join(&segment[..16]).join(&stored[0]);
        let mut bytes = fs::read(&file)?;
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        if random.below(2) == 0 {
            bytes.truncate(at);
        }
        fs::write(&file, bytes)?;
        damaged += 1;
    }
    Ok(damaged)
}
