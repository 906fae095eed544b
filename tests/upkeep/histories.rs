//! Many commands at once on one repository, some of them killed: in the end both programs verify it.
//!
//! What runs, what is killed and after how many reads and writes is drawn from the seed; what the others have done by then is the
//! machine's choice. `PGKEEP_TEST_FULL=1` runs more.

use std::process::{Child, Stdio};
use std::sync::Arc;

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::state::{Result, State};

/// Histories of the default run and of the long one.
const HISTORIES: (u64, u64) = (3, 60);
/// Rounds of a history; in each several commands run at once.
const ROUNDS: u64 = 6;
const PUSHES: u64 = 4;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    for number in 0..if full { HISTORIES.1 } else { HISTORIES.0 } {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("history_{number}_of_concurrent_and_killed_commands_ends_well"),
            move || {
                history(
                    &program,
                    seed().wrapping_mul(1_000_003).wrapping_add(number),
                )
            },
        );
    }
    suite
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

fn history(program: &Program, seed: u64) -> TestResult {
    let mut random = Random(seed);
    let mut options = vec![
        ("repo1-retention-full", "2"),
        ("process-max", "2"),
        ("repo2-path", "SCRATCH/repo2"),
        ("repo2-retention-full", "1"),
    ];
    if random.below(2) == 0 {
        options.extend([("repo1-bundle", "y"), ("repo1-block", "y")]);
    }
    let state = State::new(&options)?;
    // Small segments, so that commands run at the same moment and do not wait for the compression of WAL.
    let cluster = DataDirBuilder::new("15")?.wal_segment_size(1 << 20);
    state.cluster(&cluster)?;
    state.make(&["stanza-create"])?;
    state.make(&["--type=full", "backup"])?;
    let segment = cluster.wal_segment(1);
    let mut next = 1;
    let mut told = Vec::new();
    let (mut chosen, mut killed) = (0, 0);
    for round in 0..ROUNDS {
        state
            .scratch
            .write("data/postgresql.conf", format!("# round {round}\n"))?;
        let mut running: Vec<(String, Child)> = Vec::new();
        let mut wal = Vec::new();
        for _ in 0..PUSHES {
            let path = state
                .scratch
                .write(format!("data/pg_wal/{}", name(next)), &segment)?;
            wal.push(path.display().to_string());
            next += 1;
        }
        for path in &wal {
            running.push(start(&state, program, &["archive-push", path])?);
        }
        let kind = ["full", "diff", "incr"][usize::try_from(random.below(3))?];
        let others: [&[&str]; 5] = [
            &["--no-online", &format!("--type={kind}"), "backup"],
            &["expire"],
            &["info"],
            &["verify"],
            &["archive-get", &name(1), "pg_wal/RECOVERYXLOG"],
        ];
        for words in others {
            running.push(start(&state, program, words)?);
        }
        // A third is killed, wherever it is after so many reads and writes.
        let mut doomed: Vec<(usize, u64)> = Vec::new();
        for (at, (words, _)) in running.iter().enumerate() {
            if random.below(3) == 0 {
                doomed.push((at, random.below(most_calls(words))));
            }
        }
        chosen += doomed.len();
        while !doomed.is_empty() {
            let mut still = Vec::new();
            for (at, calls) in doomed {
                let (words, child) = &mut running[at];
                if child.try_wait()?.is_some() {
                    continue;
                }
                if reads_and_writes(child.id()) < calls {
                    still.push((at, calls));
                    continue;
                }
                child.kill()?;
                killed += 1;
                told.push(format!("killed {words} after {calls} calls"));
            }
            doomed = still;
            std::thread::yield_now();
        }
        for (words, mut child) in running {
            let code = child.wait()?.code();
            told.push(format!("{words}: {code:?}"));
            // Killed, done, busy, not there, or nothing has changed since; but never confused.
            let known = [None, Some(0), Some(1), Some(50), Some(55)];
            let finding = words.contains("verify") && code.is_some();
            if !known.contains(&code) && !finding {
                return Err(format!("seed {seed}\n{}", told.join("\n")).into());
            }
        }
        // PostgreSQL would push again what was not acknowledged, and then use the file for other WAL.
        for path in &wal {
            state
                .as_pgkeep(program, &["archive-push", path])?
                .success()?;
            std::fs::remove_file(path)?;
        }
    }
    println!(
        "upkeep, history {seed}: {killed} of {chosen} chosen runs were killed before their end"
    );
    let explain =
        |error: &dyn std::fmt::Display| format!("{error}\nseed {seed}\n{}", told.join("\n"));
    let whole = || -> TestResult {
        state
            .as_pgkeep(program, &["--no-online", "--type=full", "backup"])?
            .success()?;
        state
            .as_pgkeep(
                program,
                &["--repo=2", "--no-online", "--type=full", "backup"],
            )?
            .success()?;
        for repo in ["--repo=1", "--repo=2"] {
            state
                .as_pgkeep(program, &[repo, "--output=text", "verify"])?
                .success()?;
            let verified = state
                .theirs(&state.with_stanza(&[repo, "--output=text", "--verbose", "verify"]))?
                .success()?;
            if !verified.stdout.contains("status: ok")
                || verified.stdout.contains("status: invalid")
            {
                return Err(verified.stdout.into());
            }
        }
        let copy = state.scratch.make_dir("copy")?;
        let path = format!("--pg1-path={}", copy.display());
        state
            .theirs(&state.with_stanza(&[&path, "--type=none", "restore"]))?
            .success()?;
        Ok(())
    };
    whole().map_err(|error| explain(&error).into())
}

/// Reads and writes after which a process is killed at the latest; most runs have more.
fn most_calls(words: &str) -> u64 {
    match words {
        _ if words.contains("backup") => 300,
        _ if words.contains("archive") => 45,
        _ => 30,
    }
}

/// How often a process has read or written so far.
fn reads_and_writes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let calls = text
        .lines()
        .filter_map(|line| line.strip_prefix("sysc")?.split(": ").nth(1));
    calls.filter_map(|number| number.parse::<u64>().ok()).sum()
}

fn name(number: u32) -> String {
    format!("0000000100000000{number:08X}")
}

fn start(state: &State, program: &Program, words: &[&str]) -> Result<(String, Child)> {
    let child = program
        .command()
        .arg(format!("--config={}", state.config.display()))
        .args(["--stanza=main", "--log-level-console=off"])
        .args(words)
        .current_dir(state.scratch.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((words.join(" "), child))
}
