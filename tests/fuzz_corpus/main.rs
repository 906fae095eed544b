//! Replays the fuzz corpus without libFuzzer: what was once found, or is a good seed, is kept forever.
//!
//! The bodies of the targets are those of `fuzz/src/formats`. Files lie in `fuzz/corpus/<target>`. Invariant: a target
//! without corpus fails, so a new format brings its seeds.
#![allow(dead_code, unused_qualifications, clippy::type_complexity)]
// the bodies are shared with the fuzz targets

// Suites reach real files on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)]

#[path = "../../fuzz/src/formats/mod.rs"]
mod formats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pgkeep_testkit::suite::{Suite, TestResult, seed};

fn main() -> ExitCode {
    let mut suite = Suite::new("fuzz_corpus");
    for (target, body) in formats::TARGETS {
        suite = suite.test(
            format!("{target}_keeps_its_promises_on_every_kept_input"),
            move || replay(target, *body),
        );
    }
    for target in NUMBERED {
        let body = formats::TARGETS.iter().find(|(name, _)| name == target);
        let body = body.map(|(_, body)| *body);
        suite = suite.test(
            format!("{target}_keeps_its_promises_whatever_number_stands_in_a_kept_input"),
            move || numbers(target, body.ok_or("no such target")?),
        );
    }
    for target in MUTATED {
        let body = formats::TARGETS.iter().find(|(name, _)| name == target);
        let body = body.map(|(_, body)| *body);
        suite = suite.test(
            format!("{target}_keeps_its_promises_on_kept_inputs_that_are_changed_at_random"),
            move || mutated(target, body.ok_or("no such target")?),
        );
    }
    suite.run()
}

/// Targets whose input is text with numbers that are sizes, times and identifiers.
const NUMBERED: &[&str] = &[
    "archive_info",
    "backup_info",
    "history",
    "lock_file",
    "manifest",
    "plan",
];
/// Targets whose kept inputs are changed at random too.
const MUTATED: &[&str] = &["plan", "protocol_conversation", "protocol_greeting"];
/// What is put in the place of each number: ends of ranges, and what no type holds.
const HOSTILE: &[&str] = &[
    "0",
    "-1",
    "2147483648",
    "4294967296",
    "1099511627776",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e300",
];

/// Every number of every kept input is replaced by every hostile one.
fn numbers(target: &str, body: fn(&[u8])) -> TestResult {
    for file in kept(target)? {
        let data = std::fs::read(&file)?;
        let mut at = 0;
        while let Some(start) = data[at..].iter().position(u8::is_ascii_digit) {
            let start = at + start;
            let digits = data[start..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit());
            at = start + digits.count();
            for number in HOSTILE {
                let changed = [&data[..start], number.as_bytes(), &data[at..]].concat();
                let outcome = std::panic::catch_unwind(|| body(&changed));
                outcome.map_err(|_| {
                    let file = file.display();
                    format!("{file} with {number} at byte {start} breaks a promise")
                })?;
            }
        }
    }
    Ok(())
}

/// Kept inputs with some bytes changed, cut out or doubled: so many for each, the same ones for a seed.
fn mutated(target: &str, body: fn(&[u8])) -> TestResult {
    let count = match std::env::var_os("PGKEEP_TEST_FULL") {
        Some(_) => 50_000,
        None => 200,
    };
    let mut random = seed();
    for file in kept(target)? {
        let data = std::fs::read(&file)?;
        for number in 0..count {
            let mut changed = data.clone();
            for _ in 0..next(&mut random) % 4 + 1 {
                let at = next(&mut random) as usize % (changed.len() + 1);
                let end = (at + next(&mut random) as usize % 16).min(changed.len());
                match next(&mut random) % 3 {
                    0 if at < changed.len() => changed[at] = next(&mut random) as u8,
                    1 => drop(changed.drain(at..end)),
                    _ => {
                        let piece = changed[at..end].to_vec();
                        changed.splice(at..at, piece);
                    }
                }
            }
            let outcome = std::panic::catch_unwind(|| body(&changed));
            outcome.map_err(|_| {
                let file = file.display();
                format!(
                    "{file}, mutation {number} with seed {}, breaks a promise",
                    seed()
                )
            })?;
        }
    }
    Ok(())
}

/// splitmix64
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn kept(target: &str) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in
        std::fs::read_dir(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?
    {
        files.push(entry?.path());
    }
    if files.is_empty() {
        return Err(format!("{} is empty", corpus.display()).into());
    }
    files.sort();
    Ok(files)
}

fn replay(target: &str, body: fn(&[u8])) -> TestResult {
    for file in kept(target)? {
        let data = std::fs::read(&file)?;
        // A panic tells what broke, but not with which input.
        let outcome = std::panic::catch_unwind(|| body(&data));
        outcome.map_err(|_| {
            format!(
                "{} breaks a promise; the panic is shown above",
                file.display()
            )
        })?;
    }
    Ok(())
}
