//! A drill that is ended at any moment leaves nothing, at the latest after the next one.

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::stage::{Result, Stage, holds, working_in};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let own = Arc::clone(program);
    suite.test(
        "drill_that_is_stopped_or_killed_at_any_point_leaves_nothing",
        move || ended(&own),
    )
}

/// Files that appear in the course of a drill: each is a point at which it is ended.
const POINTS: [&str; 5] = [
    "log/plan.out",
    "log/restore.out",
    "data/postmaster.pid",
    "log/dump.err",
    "log/amcheck.out",
];

fn ended(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| made)?;
    stage
        .cluster
        .sql("create table t as select g from generate_series(1, 1000) g")?;
    stage.run(&["--type=full", "backup"])?;
    stage.archive_all()?;
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let from = seed() as usize;
    let ends = [("TERM", 0), ("KILL", 1), ("INT", 2), ("KILL", 3)];
    for (signal, offset) in ends.into_iter().take(if full { 4 } else { 2 }) {
        let points: Vec<&str> = match full {
            true => POINTS.to_vec(),
            false => vec![POINTS[(from + offset) % POINTS.len()]],
        };
        for point in points {
            let at = format!("SIG{signal} at {point}");
            let before = marker(&stage);
            let mut child = start(&stage)?;
            wait_for(&stage, &mut child, point, &before)?;
            let began = Instant::now();
            pgkeep_testkit::run::run(std::process::Command::new("kill").args([
                "-s",
                signal,
                &child.id().to_string(),
            ]))?
            .success()?;
            let status = child.wait()?;
            if signal == "KILL" {
                continue;
            }
            if status.code() != Some(63) {
                return Err(format!("{at}: {status}").into());
            }
            if began.elapsed() > Duration::from_secs(60) {
                return Err(format!("{at}: it took {:?}", began.elapsed()).into());
            }
            stage
                .nothing_is_left()
                .map_err(|error| format!("{at}: {error}"))?;
        }
    }
    // The last one was killed: its remains are there, and a bystander that only looks like one of them.
    if !stage.path().join("pgkeep-scratch").exists() {
        return Err("a drill that was killed has left no marker".into());
    }
    // And a file of somebody else: nothing is removed as long as it is there.
    let precious = stage.path().join("precious");
    fs::write(&precious, "x")?;
    let refused = pgkeep_testkit::run::run(&mut stage.drill_command(&[]))?.expect_code(40)?;
    holds(&refused.stdout, &["'precious' was not made by pgkeep"])?;
    fs::remove_file(&precious)?;
    let mut bystander = stage
        .cluster
        .account()
        .command("sleep")
        .arg("600")
        .env("PG_SCRATCH_OF_PGKEEP", "another drill")
        .current_dir(stage.path())
        .spawn()?;
    let next = stage
        .drill_command(&["--log-level-console=info"])
        .output()?;
    let alive = bystander.try_wait()?.is_none();
    bystander.kill()?;
    bystander.wait()?;
    let said = String::from_utf8_lossy(&next.stdout);
    holds(
        &said,
        &[
            "remove what an interrupted run has left",
            "all proofs passed",
        ],
    )?;
    if !alive {
        return Err("a process of somebody else was ended".into());
    }
    if stage.path().exists() || !working_in(&stage.path()).is_empty() {
        return Err("something is left".into());
    }
    Ok(())
}

fn start(stage: &Stage<'_>) -> Result<Child> {
    let mut command = stage.drill_command(&[]);
    Ok(command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?)
}

/// What the marker says; empty: there is none.
fn marker(stage: &Stage<'_>) -> String {
    fs::read_to_string(stage.path().join("pgkeep-scratch")).unwrap_or_default()
}

/// Waits for a file of this drill: one that was killed before may have left the same.
fn wait_for(stage: &Stage<'_>, child: &mut Child, point: &str, before: &str) -> TestResult {
    let began = Instant::now();
    while marker(stage) == before || fs::metadata(stage.path().join(point)).is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(format!("the drill has ended before {point}: {status}").into());
        }
        if began.elapsed() > Duration::from_secs(120) {
            return Err(format!("{point} did not come").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
