//! One point: what serves a command at the other host is killed or stopped at a message, and all must be well afterwards.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::scene::{Case, Scene};

/// Waiting times of the run that is struck. Any other run has the usual ones.
const TIMES: [&str; 3] = ["--protocol-timeout=5", "--io-timeout=5", "--db-timeout=4"];
/// "In seconds", on a machine with other things to do.
const SECONDS: Duration = Duration::from_secs(45);

/// What happens at the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Kill,
    Stop,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
        }
    }
}

/// How a point went.
#[derive(Debug)]
pub struct Visited {
    /// `None`: the run was over before the point.
    pub code: Option<i32>,
    pub took: Duration,
}

/// How many messages the other host sees of a command; the command is done.
pub fn count(scene: &Scene<'_>, case: Case) -> Result<u64> {
    let counts = beside(scene, case, "counts");
    if counts.exists() {
        fs::remove_file(&counts)?;
    }
    scene.prepare(case)?;
    scene.go(case, &[])?.0.success()?;
    scene.nobody_is_left()?;
    let counts = fs::read_to_string(counts)?;
    let numbers = counts.lines().map(str::parse::<u64>);
    let longest = numbers.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(longest.into_iter().max().ok_or("no message was counted")?)
}

/// Visits a point.
pub fn visit(scene: &Scene<'_>, case: Case, fault: Fault, at: u64) -> Result<Visited> {
    let after =
        |step: &'static str| move |error: Box<dyn std::error::Error>| format!("{step}: {error}");
    let struck = beside(scene, case, "struck");
    if struck.exists() {
        fs::remove_file(&struck)?;
    }
    scene.prepare(case)?;
    let times = match case {
        Case::Backup | Case::BackupFromCluster => &TIMES[..],
        // These ask no server.
        Case::Push | Case::Get | Case::Restore => &TIMES[..2],
    };
    let plan = scene.machines.fault_file(case.other());
    scene.machines.scratch.write(
        plan.strip_prefix(scene.machines.scratch.path())?,
        format!("{}:{at}", fault.name()),
    )?;
    let (outcome, took) = scene.go(case, times)?;
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    if plan.exists() {
        fs::remove_file(&plan)?;
        outcome.success()?;
        return Ok(Visited { code: None, took });
    }
    let told = read(&struck)?;
    let message = told.trim();
    if fault == Fault::Stop {
        let pid = message.split(' ').next().unwrap_or_default().parse()?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("no process was stopped")?;
        // It is as if its host came back. It may be gone: a server ends what is not let in.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
    }
    let clear = outcome.code == 0 || (all.contains("ERROR: [") && outcome.code < 128);
    if !clear || all.contains("panicked") {
        return Err(format!("at {message}: exit code {}\n{all}", outcome.code).into());
    }
    if took > SECONDS {
        return Err(format!("at {message}: it took {took:?}\n{all}").into());
    }
    if std::env::var_os("PGKEEP_TEST_TELL").is_some() {
        let last = all
            .lines()
            .find(|line| line.contains("ERROR: ["))
            .unwrap_or("well");
        println!(
            "{case:?} {fault:?} {at} ({message}): {} after {took:?}: {last}",
            outcome.code
        );
    }
    let context = |error: Box<dyn std::error::Error>| format!("at {message}: {error}\n{all}");
    match outcome.code {
        0 => scene.is_done(case).map_err(context)?,
        _ => scene.is_harmless(case).map_err(context)?,
    }
    scene.nobody_is_left().map_err(context)?;
    let again: &[&str] = match case {
        Case::Restore => &["--delta"],
        _ => &[],
    };
    let next = scene.go(case, again)?.0.success();
    next.map_err(|error| context(error.into()))?;
    scene.is_done(case).map_err(after("after the next run"))?;
    scene.verified().map_err(context)?;
    Ok(Visited {
        code: Some(outcome.code),
        took,
    })
}

fn beside(scene: &Scene<'_>, case: Case, what: &str) -> PathBuf {
    let plan = scene.machines.fault_file(case.other());
    plan.with_extension(what)
}

/// Reads what a process is writing just now.
fn read(path: &std::path::Path) -> Result<String> {
    for _ in 0..1000 {
        if path.exists() {
            return Ok(fs::read_to_string(path)?);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("{} was not written", path.display()).into())
}
