//! Clocks that go backward, and file times of the future: labels, warnings and exit codes are pgBackRest's.
//!
//! A clock that goes back by a day is a change of the time zone, for labels are local time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

/// Fourteen hours before and twelve behind UTC.
const LATE: &str = "UTC-14";
const EARLY: &str = "UTC+12";

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (labels, history, times) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test("a_label_before_the_latest_is_refused_by_both", move || {
            labels_go_back(&labels)
        })
        .test("an_expired_label_of_the_future_counts_as_well", move || {
            history_is_ahead(&history)
        })
        .test(
            "file_times_of_the_future_turn_delta_on_in_both",
            move || files_are_ahead(&times),
        )
}

/// A backup by one of the programs with its own idea of the time zone.
fn backup(state: &State, ours: Option<&Program>, zone: &str, kind: &str) -> Result<Outcome> {
    let mut command = match ours {
        Some(program) => program.as_pgbackrest(),
        None => state.pgbackrest.command(),
    };
    Ok(run(command
        .env("TZ", zone)
        .arg(format!("--config={}", state.config.display()))
        .arg(format!("--type={kind}"))
        .args([
            "--stanza=main",
            "--no-online",
            "--log-level-console=warn",
            "--no-log-timestamp",
            "backup",
        ]))?)
}

/// What was said, with the new label, which is of the moment, left out.
fn said(outcome: &Outcome) -> String {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    let mut kept = String::new();
    for line in all.lines() {
        match line.split_once("new backup label '") {
            Some((before, rest)) => {
                let rest = rest.split_once('\'').map_or("", |(_, rest)| rest);
                kept.push_str(&format!("{before}new backup label{rest}\n"));
            }
            None => kept.push_str(&format!("{line}\n")),
        }
    }
    kept
}

fn alike(expected: &Outcome, got: &Outcome, code: i32) -> TestResult {
    if expected.code == code && got.code == code && said(expected) == said(got) {
        return Ok(());
    }
    Err(format!(
        "pgBackRest ({}):\n{}{}\nthis program ({}):\n{}{}",
        expected.code, expected.stdout, expected.stderr, got.code, got.stdout, got.stderr
    )
    .into())
}

const CLOCK_ERROR: i32 = 106;

fn labels_go_back(program: &Program) -> TestResult {
    let state = State::new(&[])?;
    state.make(&["stanza-create"])?;
    backup(&state, None, LATE, "full")?.success()?;
    state.scratch.write("data/postgresql.conf", "# late\n")?;
    backup(&state, None, LATE, "incr")?.success()?;
    let before = state.labels()?;
    for kind in ["full", "diff", "incr"] {
        state
            .scratch
            .write("data/postgresql.conf", format!("# {kind}\n"))?;
        let expected = backup(&state, None, EARLY, kind)?;
        let got = backup(&state, Some(program), EARLY, kind)?;
        alike(&expected, &got, CLOCK_ERROR)?;
        if !got.stdout.contains(&format!("'{}'", before[1])) {
            return Err(got.stdout.into());
        }
    }
    if state.labels()? != before {
        return Err("a refused backup has left a set".into());
    }
    // The clock is right again.
    for (kind, ours) in [
        ("incr", Some(program)),
        ("diff", None),
        ("full", Some(program)),
    ] {
        state
            .scratch
            .write("data/postgresql.conf", format!("# again {kind}\n"))?;
        backup(&state, ours, LATE, kind)?.success()?;
    }
    let mut labels = state.labels()?;
    labels.sort_by_key(|label| label[label.len() - 16..label.len() - 1].to_owned());
    let kinds: String = labels
        .iter()
        .filter_map(|label| label.chars().last())
        .collect();
    match kinds == "FIIDF" {
        true => Ok(()),
        false => Err(format!("{labels:?}").into()),
    }
}

fn history_is_ahead(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    let label = state.labels()?.remove(0);
    let history = state.in_repo("backup/main/backup.history");
    let mut years = std::fs::read_dir(&history)?;
    let year = years.next().ok_or("there is no history")??.path();
    let file = year.join(format!("{label}.manifest.gz"));
    let ahead = history.join("2098");
    std::fs::create_dir(&ahead)?;
    std::fs::copy(&file, ahead.join("20981231-235959F.manifest.gz"))?;
    state.scratch.account().own_tree(&ahead)?;
    let expected = backup(&state, None, "UTC", "full")?;
    let got = backup(&state, Some(program), "UTC", "full")?;
    alike(&expected, &got, CLOCK_ERROR)?;
    if !got.stdout.contains("'20981231-235959F'") {
        return Err(got.stdout.into());
    }
    // The label of an incr cannot be that of another full set.
    for (ours, text) in [(Some(program), "# ours\n"), (None, "# theirs, longer\n")] {
        state.scratch.write("data/postgresql.conf", text)?;
        backup(&state, ours, "UTC", "incr")?.success()?;
    }
    Ok(())
}

fn files_are_ahead(program: &Program) -> TestResult {
    let ahead = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let touch = |state: &State, time: SystemTime| -> Result<()> {
        let path = state.scratch.join("data/base/1/16384");
        Ok(std::fs::File::options()
            .write(true)
            .open(path)?
            .set_modified(time)?)
    };
    let (theirs, ours) = (State::with_backup(&[])?, State::with_backup(&[])?);
    for (time, kind) in [(ahead, "full"), (ahead, "incr"), (before, "incr")] {
        let mut outcomes = Vec::new();
        for (state, program) in [(&theirs, None), (&ours, Some(program))] {
            state
                .scratch
                .write("data/postgresql.conf", format!("# {kind} {time:?}\n"))?;
            touch(state, time)?;
            outcomes.push(backup(state, program, "UTC", kind)?);
        }
        let hide = |outcome: &Outcome| {
            let text = said(outcome);
            text.split("copy start ").next().map(str::to_owned)
        };
        let (expected, got) = (&outcomes[0], &outcomes[1]);
        if hide(expected) != hide(got) || !got.stdout.contains("enabling delta checksum") {
            alike(expected, got, 0)?;
            return Err(got.stdout.clone().into());
        }
        got.clone().success()?;
    }
    Ok(())
}
