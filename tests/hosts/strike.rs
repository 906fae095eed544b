//! What serves another host is killed, or stopped, at any message of a backup, a push, a get or a restore, or the line is cut or
//! stalls at any piece of data: the run ends in seconds, well or with a clear error, nobody is left on any host, the next run
//! succeeds and both programs verify.

use std::sync::Arc;
use std::time::Duration;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::Result;
use crate::draw::{Draw, full};
use crate::machine::Way;
use crate::point::{Fault, count, visit};
use crate::scene::{Case, Scene};

/// Both programs verify all of the repository after each point, so it must not grow with every one visited before.
const FORGET_EVERY: usize = 10;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Make = fn(&Program, Way) -> Result<Scene<'_>>;
    let running: Make = |program, way| Scene::running(program, way, 17);
    let at_rest: Make = |program, way| Scene::at_rest(program, way);
    for (case, make) in [
        (Case::Backup, running),
        (Case::BackupFromCluster, running),
        (Case::Push, at_rest),
        (Case::Get, at_rest),
        (Case::Restore, at_rest),
    ] {
        for way in [Way::Ssh, Way::Tls] {
            let program = Arc::clone(program);
            let name = format!(
                "whoever_serves_a_{}_by_{}_is_killed_or_stops_or_is_cut_off_and_all_is_well",
                case.name(),
                way.name()
            );
            suite = suite.test(name, move || sweep(&mut make(&program, way)?, way, case));
        }
    }
    suite
}

/// All faults, or those of `PGKEEP_TEST_FAULTS`: a sweep in full takes hours, and one that was cut short goes on with what is left.
fn chosen() -> Vec<Fault> {
    let all = [Fault::Kill, Fault::Stop, Fault::Cut, Fault::Stall];
    let Ok(names) = std::env::var("PGKEEP_TEST_FAULTS") else {
        return all.to_vec();
    };
    let fault = |name: &str| all.into_iter().find(|fault| fault.name() == name);
    names
        .split(',')
        .map(|name| {
            fault(name).unwrap_or_else(|| panic!("PGKEEP_TEST_FAULTS has no fault '{name}'"))
        })
        .collect()
}

/// The first point of a sweep in full: 1, or `PGKEEP_TEST_FROM`, for one that was cut short.
fn first() -> u64 {
    match std::env::var("PGKEEP_TEST_FROM") {
        Ok(number) => number
            .parse()
            .unwrap_or_else(|_| panic!("PGKEEP_TEST_FROM is no number: '{number}'")),
        Err(_) => 1,
    }
}

/// Visits points of a case: one of a process or line that goes and one of what falls silent, or all of all faults.
fn sweep(scene: &mut Scene<'_>, way: Way, case: Case) -> TestResult {
    let (mut visited, mut over, mut well, mut longest) = (0, 0, 0, Duration::ZERO);
    let mut draw = Draw::of(&format!("{}{}", way.name(), case.name()));
    let faults = match full() {
        true => chosen(),
        false => vec![
            [Fault::Kill, Fault::Cut][draw.below(2) as usize],
            [Fault::Stop, Fault::Stall][draw.below(2) as usize],
        ],
    };
    let mut told = String::new();
    for fault in faults {
        let messages = count(scene, case, fault)?;
        told += &format!(" {} of {messages}", fault.name());
        let mut points: Vec<u64> = match full() {
            true => (first()..=messages).rev().collect(),
            false => vec![draw.below(messages) + 1],
        };
        while let Some(at) = points.pop() {
            let point = visit(scene, case, fault, at)
                .map_err(|error| format!("{case:?} {fault:?} at {at} of {messages}: {error}"))?;
            longest = longest.max(point.took);
            if let Some(code) = point.code {
                visited += 1;
                well += usize::from(code == 0);
                if visited % FORGET_EVERY == 0 {
                    scene.forget(case)?;
                }
                continue;
            }
            over += 1;
            // No two runs have the same number of messages. A point early on is in every one.
            if !full() {
                points.push(draw.below(at) + 1);
            }
        }
    }
    println!(
        "hosts, {} by {}: seed {}, {visited} points visited ({}), {well} runs finished all the same, \
         {over} were over before, the longest took {:.1} s",
        case.name(),
        way.name(),
        seed(),
        told.trim(),
        longest.as_secs_f64()
    );
    match visited {
        0 => Err("no point was visited".into()),
        _ => Ok(()),
    }
}
