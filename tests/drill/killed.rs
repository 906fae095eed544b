//! A drill or a restore of a table that is ended at any moment leaves nothing: its watch removes what is left of one that is killed,
//! and if that was killed with it, the next one.

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::stage::{Result, Stage, holds};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let own = Arc::clone(program);
    let suite = suite.test(
        "drill_that_is_stopped_or_killed_at_any_point_leaves_nothing",
        move || drill(&own),
    );
    let own = Arc::clone(program);
    suite.test(
        "restore_table_that_is_stopped_or_killed_at_any_point_leaves_nothing",
        move || restore_table(&own),
    )
}

/// A command, and files that appear in its course: each is a point at which it is ended.
struct Course {
    name: &'static str,
    arguments: &'static [&'static str],
    points: &'static [&'static str],
}

const DRILL: Course = Course {
    name: "drill",
    arguments: &[],
    points: &[
        "log/plan.out",
        "log/restore.out",
        "data/postmaster.pid",
        "log/dump.err",
        "log/amcheck.out",
    ],
};

const RESTORE_TABLE: Course = Course {
    name: "restore-table",
    arguments: &["--table=postgres.public.t", "--to-cluster", "--clean"],
    points: &[
        "log/plan.out",
        "log/info.out",
        "log/restore.out",
        "data/postmaster.pid",
        "log/dump.err",
        "spool/dump.sql",
        "log/into.out",
    ],
};

/// How a run is ended, and what with it. A server that is killed leaves its shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Signal(&'static str),
    Kill { server: bool, watch: bool },
}

/// Those that leave nothing, and those that leave it to the next run.
const WATCHED: [End; 2] = [kill_with(false, false), kill_with(true, false)];
const KILLS: [End; 2] = [kill_with(false, true), kill_with(true, true)];
const ASKS: [End; 2] = [End::Signal("TERM"), End::Signal("INT")];

const fn kill_with(server: bool, watch: bool) -> End {
    End::Kill { server, watch }
}

/// Ends runs at points of their course, and looks at what is there each time; the last one is killed. Without
/// `PGKEEP_TEST_FULL` the points come from the seed.
fn end_runs(stage: &Stage<'_>, course: &Course, look: &dyn Fn() -> TestResult) -> TestResult {
    let from = seed() as usize;
    let runs: Vec<(End, &str)> = match std::env::var_os("PGKEEP_TEST_FULL") {
        Some(_) => {
            let ends = ASKS.into_iter().chain(WATCHED).chain(KILLS);
            ends.flat_map(|end| course.points.iter().map(move |point| (end, *point)))
                .collect()
        }
        None => [ASKS[from % 2], WATCHED[from / 4 % 2], KILLS[from / 2 % 2]]
            .into_iter()
            .zip(0..)
            .map(|(end, more)| (end, course.points[(from + more) % course.points.len()]))
            .collect(),
    };
    for (end, point) in runs {
        let at = format!("{} with {end:?} at {point}", course.name);
        end_run(stage, course, end, point)
            .and_then(|()| look())
            .map_err(|error| format!("{at}: {error}"))?;
    }
    Ok(())
}

fn end_run(stage: &Stage<'_>, course: &Course, end: End, point: &str) -> TestResult {
    let before = marker(stage);
    let memory = shared_memory(stage);
    let mut child = start(stage, course)?;
    wait_for(stage, &mut child, point, &before)?;
    // What was left was removed by this run, before it began.
    if let Some(segment) = memory {
        gone(&segment)?;
    }
    let began = Instant::now();
    match end {
        End::Signal(signal) => {
            kill(signal, &child.id().to_string())?;
            let status = child.wait()?;
            if status.code() != Some(63) {
                return Err(format!("{status}").into());
            }
            if began.elapsed() > Duration::from_secs(60) {
                return Err(format!("it took {:?}", began.elapsed()).into());
            }
            stage.nothing_is_left()
        }
        End::Kill { server, watch } => {
            let watching = watches(stage);
            if watching.len() != 1 {
                return Err(format!("watches: {watching:?}").into());
            }
            if watch {
                kill("KILL", &watching[0])?;
            }
            let (pid, memory) = (server_line(stage, 0), shared_memory(stage));
            child.kill()?;
            child.wait()?;
            if let (true, Some(pid)) = (server, pid) {
                // It may have ended by itself.
                let _ = kill("KILL", &pid);
            }
            match watch {
                true => Ok(()),
                false => is_removed(stage, memory.as_deref()),
            }
        }
    }
}

/// Numbers of the processes that watch over the scratch directory.
fn watches(stage: &Stage<'_>) -> Vec<String> {
    let place = format!("--scratch-path={}", stage.path().display());
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_one = |words: &[u8]| {
        let mut words = words.split(|byte| *byte == 0);
        words.any(|word| word == place.as_bytes()) && words.any(|word| word.ends_with(b":async"))
    };
    entries
        .filter(|entry| fs::read(entry.path().join("cmdline")).is_ok_and(|words| is_one(&words)))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Waits until the watch has removed everything, and is gone too.
fn is_removed(stage: &Stage<'_>, memory: Option<&str>) -> TestResult {
    let began = Instant::now();
    loop {
        let left = stage
            .nothing_is_left()
            .and_then(|()| memory.map_or(Ok(()), gone))
            .and_then(|()| match watches(stage).as_slice() {
                [] => Ok(()),
                there => Err(format!("a watch is left: {there:?}").into()),
            });
        if left.is_ok() || began.elapsed() > Duration::from_secs(60) {
            return left;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(signal: &str, pid: &str) -> TestResult {
    run(std::process::Command::new("kill").args(["-s", signal, pid]))?.success()?;
    Ok(())
}

/// A line of what the scratch server says of itself.
fn server_line(stage: &Stage<'_>, number: usize) -> Option<String> {
    let text = fs::read_to_string(stage.path().join("data/postmaster.pid")).ok()?;
    let line = text.lines().nth(number)?;
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Number of the shared memory of the scratch server.
fn shared_memory(stage: &Stage<'_>) -> Option<String> {
    let line = server_line(stage, 6)?;
    line.split(' ').nth(1).map(str::to_owned)
}

fn gone(segment: &str) -> TestResult {
    let table = fs::read_to_string("/proc/sysvipc/shm")?;
    let numbers = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    match table
        .lines()
        .any(|line| numbers(line).as_deref() == Some(segment))
    {
        true => Err(format!("shared memory {segment} is left:\n{table}").into()),
        false => Ok(()),
    }
}

fn stage(program: &Program) -> Result<Stage<'_>> {
    let stage = Stage::new(program, Cluster::builder(15), |made| made)?;
    stage
        .cluster
        .sql("create table t as select g from generate_series(1, 1000) g")?;
    stage.run(&["--type=full", "backup"])?;
    stage.archive_all()?;
    Ok(stage)
}

/// The table is the one that was there or the one of the backup, never a part of one.
fn restore_table(program: &Program) -> TestResult {
    let stage = stage(program)?;
    stage.cluster.sql("update t set g = -g")?;
    let whole = || {
        let rows = stage.cluster.sql("select count(*), abs(sum(g)) from t")?;
        match rows == "1000|500500" {
            true => Ok(()),
            false => Err(format!("the table has {rows}").into()),
        }
    };
    end_runs(&stage, &RESTORE_TABLE, &whole)?;
    let memory = shared_memory(&stage);
    let mut next = stage.scratch_command(RESTORE_TABLE.arguments, RESTORE_TABLE.name);
    run(&mut next)?.success()?;
    stage.nothing_is_left()?;
    memory.map_or(Ok(()), |segment| gone(&segment))?;
    match stage.cluster.sql("select sum(g) from t")?.as_str() {
        "500500" => Ok(()),
        other => Err(format!("not the table of the backup: {other}").into()),
    }
}

fn drill(program: &Program) -> TestResult {
    let stage = stage(program)?;
    end_runs(&stage, &DRILL, &|| Ok(()))?;
    let memory = shared_memory(&stage);
    // The last one was killed: its remains are there, and a bystander that only looks like one of them.
    if !stage.path().join("pgkeep-scratch").exists() {
        return Err("a drill that was killed has left no marker".into());
    }
    // And a file of somebody else: nothing is removed as long as it is there.
    let precious = stage.path().join("precious");
    fs::write(&precious, "x")?;
    let refused = run(&mut stage.drill_command(&[]))?.expect_code(40)?;
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
    stage.nothing_is_left()?;
    memory.map_or(Ok(()), |segment| gone(&segment))
}

fn start(stage: &Stage<'_>, course: &Course) -> Result<Child> {
    let mut command = stage.scratch_command(course.arguments, course.name);
    Ok(command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?)
}

/// What the marker says; empty: there is none.
fn marker(stage: &Stage<'_>) -> String {
    fs::read_to_string(stage.path().join("pgkeep-scratch")).unwrap_or_default()
}

/// Waits for a file of this run: one that was killed before may have left the same.
fn wait_for(stage: &Stage<'_>, child: &mut Child, point: &str, before: &str) -> TestResult {
    let began = Instant::now();
    while marker(stage) == before || fs::metadata(stage.path().join(point)).is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(format!("it has ended before {point}: {status}").into());
        }
        if began.elapsed() > Duration::from_secs(120) {
            return Err(format!("{point} did not come").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
