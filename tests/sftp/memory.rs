//! What a process takes while its server stalls: bytes wait within a budget, the cluster is not read into memory.

use std::fs;
use std::time::{Duration, Instant};

use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::refused::CREATE;
use crate::stage::Stage;
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[(
    "a_backup_to_a_server_that_stalls_takes_no_more_memory_than_its_budget",
    stalled,
)];

const MIB: u64 = 1 << 20;
/// Bytes on their way to a repository.
const BUDGET: u64 = 64 * MIB;
/// What the program takes besides.
const BESIDES: u64 = 64 * MIB;

/// A number in one of the files the kernel keeps of a process.
fn number(child: u32, file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{child}/{file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next());
    Ok(value
        .ok_or_else(|| format!("{file} has no {name}"))?
        .parse()?)
}

fn stalled(program: &Program) -> TestResult {
    let mut stage = Stage::new(program, &[("compress-type", "none"), ("process-max", "2")])?;
    // Far more than may be in memory; holes, which take no room on the disk.
    for number in 0..8 {
        let file = stage
            .scratch
            .write(format!("data/base/1/{}", 30_000 + number), "")?;
        fs::File::options()
            .write(true)
            .open(file)?
            .set_len(128 * MIB)?;
    }
    stage.run(CREATE)?;
    // After the login and the first megabytes.
    let proxy = Network::new()
        .stall_at_piece(300)
        .every_connection()
        .to(stage.server.address())?;
    stage.reached_at(proxy.address())?;
    let mut child = stage.spawn(&["--no-online", "--type=full", "backup"])?;
    let peak = peak(child.id(), || proxy.bytes(), || proxy.has_struck());
    child.kill()?;
    child.wait()?;
    let peak = peak?;
    if peak > BUDGET + BESIDES {
        return Err(format!("{} MiB", peak / MIB).into());
    }
    Ok(())
}

/// The most memory the process took until it reads no further, which it does when its budget is full of what did not pass.
fn peak(child: u32, passed: impl Fn() -> u64, struck: impl Fn() -> bool) -> Result<u64> {
    let started = Instant::now();
    let (mut before, mut still) = (0, 0);
    while still < 20 {
        let read = number(child, "io", "rchar:")?;
        let waits = struck() && read == before && read > passed() + BUDGET / 2;
        still = if waits { still + 1 } else { 0 };
        before = read;
        if started.elapsed() > Duration::from_secs(120) {
            return Err(format!(
                "{} MiB read, {} MiB passed, struck: {}",
                read / MIB,
                passed() / MIB,
                struck()
            )
            .into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(number(child, "status", "VmHWM:")? * 1024)
}
