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

use pgkeep_testkit::suite::{Suite, TestResult};

fn main() -> ExitCode {
    let mut suite = Suite::new("fuzz_corpus");
    for (target, body) in formats::TARGETS {
        suite = suite.test(
            format!("{target}_keeps_its_promises_on_every_kept_input"),
            move || replay(target, *body),
        );
    }
    suite.run()
}

fn replay(target: &str, body: fn(&[u8])) -> TestResult {
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
    for file in files {
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
