//! One point: what serves a command at the other host is killed or stopped at a message, or the line is cut or stalls, and all
//! must be well afterwards.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::run::Outcome;

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
    /// The line is cut.
    Cut,
    /// Nothing passes any more.
    Stall,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Cut => "cut",
            Self::Stall => "stall",
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

/// How many messages the other host sees of a command, or how many pieces of data pass; the command is done.
pub fn count(scene: &mut Scene<'_>, case: Case, fault: Fault) -> Result<u64> {
    if matches!(fault, Fault::Cut | Fault::Stall) {
        scene.prepare(case)?;
        let proxy = scene.behind(case, Network::new())?;
        scene.go(case, &[])?.0.success()?;
        scene.nobody_is_left()?;
        scene.straight(case)?;
        return Ok(proxy.pieces());
    }
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
pub fn visit(scene: &mut Scene<'_>, case: Case, fault: Fault, at: u64) -> Result<Visited> {
    scene.prepare(case)?;
    let network = match fault {
        Fault::Cut => Network::new().cut_at_piece(at),
        Fault::Stall => Network::new().stall_at_piece(at),
        Fault::Kill | Fault::Stop => return visit_message(scene, case, fault, at),
    };
    let proxy = scene.behind(case, network)?;
    let (outcome, took) = scene.go(case, times(case))?;
    if !proxy.has_struck() {
        scene.straight(case)?;
        outcome.success()?;
        return Ok(Visited { code: None, took });
    }
    // Both ends find out by themselves, without a word of the other's.
    let left = scene.nobody_is_left();
    scene.straight(case)?;
    left.map_err(|error| format!("{error}\n{}{}", outcome.stdout, outcome.stderr))?;
    drop(proxy);
    is_well_after(scene, case, "a piece of data", (&outcome, took))?;
    Ok(Visited {
        code: Some(outcome.code),
        took,
    })
}

/// Waiting times of a command.
fn times(case: Case) -> &'static [&'static str] {
    match case {
        Case::Backup | Case::BackupFromCluster => &TIMES[..],
        // These ask no server.
        Case::Push | Case::Get | Case::Restore => &TIMES[..2],
    }
}

fn visit_message(scene: &Scene<'_>, case: Case, fault: Fault, at: u64) -> Result<Visited> {
    let struck = beside(scene, case, "struck");
    if struck.exists() {
        fs::remove_file(&struck)?;
    }
    let plan = scene.machines.fault_file(case.other());
    scene.machines.scratch.write(
        plan.strip_prefix(scene.machines.scratch.path())?,
        format!("{}:{at}", fault.name()),
    )?;
    let (outcome, took) = scene.go(case, times(case))?;
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
    is_well_after(scene, case, message, (&outcome, took))?;
    Ok(Visited {
        code: Some(outcome.code),
        took,
    })
}

/// The run that was struck has ended as it must, and all is well afterwards.
fn is_well_after(
    scene: &Scene<'_>,
    case: Case,
    message: &str,
    (outcome, took): (&Outcome, Duration),
) -> Result<()> {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
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
            "{case:?} ({message}): {} after {took:?}: {last}",
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
    scene.is_done(case).map_err(context)?;
    Ok(scene.verified().map_err(context)?)
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
