//! Who is told what of archiving, and that a hook that cannot be run is a warning.

use std::path::Path;

use jiff::Timestamp;
use pgkeep_config::Program;
use serde_json::{Map, Value, json};

use super::trouble::{Turn, told_of, was_not_told};
use super::{DROPPED, archiving, run};
use crate::error::{Error, ErrorCode};
use crate::run::clock::Clock;
use crate::run::run_result::RunResult;
use crate::run::{Context, test_context};

fn context(place: &Path) -> Context {
    let options = [
        format!("--lock-path={}", place.join("lock").display()),
        "--pg1-path=/pg".to_owned(),
        "--hook-archive=/nowhere/hook".to_owned(),
    ];
    test_context::new(Program::PgKeep, "archive-push", &options)
}

fn result(error: Option<ErrorCode>, facts: Value) -> RunResult {
    RunResult {
        command: "archive-push".to_owned(),
        stanza: Some("demo".to_owned()),
        status: error.map_or(0, ErrorCode::number),
        error: error.map(|code| Error::new(code, "no room")),
        start: 0,
        stop: 0,
        done: None,
        facts: facts.as_object().cloned().unwrap_or_default(),
    }
}

#[test]
fn trouble_is_told_when_it_begins_and_when_it_ends() {
    let place = tempfile::tempdir().unwrap();
    let context = context(place.path());
    let turn = |failed| told_of(&context, failed).unwrap();
    assert_eq!(turn(false), None);
    assert_eq!(turn(true), Some(Turn::Begins));
    assert_eq!(turn(true), None);
    assert!(matches!(turn(false), Some(Turn::Ends { since }) if since > 0));
    assert_eq!(turn(false), None);
    assert_eq!(turn(true), Some(Turn::Begins));
}

#[test]
fn processes_that_see_it_at_once_tell_it_once() {
    let place = tempfile::tempdir().unwrap();
    let context = context(place.path());
    for failed in [true, false, true] {
        let told: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| told_of(&context, failed).unwrap()))
                .collect();
            all.into_iter()
                .filter_map(|one| one.join().unwrap())
                .count()
        });
        assert_eq!(told, 1, "{failed}");
    }
}

#[test]
fn wal_that_is_dropped_is_trouble_and_a_stop_is_none() {
    let place = tempfile::tempdir().unwrap();
    let context = context(place.path());
    let told = |result: &RunResult| {
        let mut fields = result.fields();
        archiving(&context, result, &mut fields)
            .unwrap()
            .then_some(fields)
    };
    assert_eq!(told(&result(Some(ErrorCode::Term), json!({}))), None);
    let dropped = result(None, json!({DROPPED: "dropped WAL file 'x'"}));
    let fields = told(&dropped).unwrap();
    assert_eq!(fields["outcome"], "failed");
    assert_eq!(fields["error"]["message"], "dropped WAL file 'x'");
    assert_eq!(told(&dropped), None);
    assert_eq!(told(&result(Some(ErrorCode::Term), json!({}))), None);
    let fields: Map<_, _> = told(&result(None, json!({}))).unwrap();
    assert_eq!(fields["outcome"], "ok");
    assert!(fields["since"].as_i64() > Some(0));
}

#[test]
fn a_hook_that_is_not_there_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    run(
        &context(place.path()),
        &result(Some(ErrorCode::FileWrite), json!({})),
    );
    let lock = |name: &str| place.path().join("lock").join(name);
    // Nobody was told: it is not noted as told, and tried again later.
    assert!(!lock("demo-archive.trouble").exists());
    assert!(lock("demo-archive.untold").exists());
}

#[test]
fn a_beginning_that_could_not_be_told_is_tried_again_after_a_time() {
    let place = tempfile::tempdir().unwrap();
    let at = |seconds: i64| Context {
        clock: Clock::fixed(Timestamp::now() + jiff::SignedDuration::from_secs(seconds)),
        ..context(place.path())
    };
    let turn = |seconds, failed| told_of(&at(seconds), failed).unwrap();
    assert_eq!(turn(0, true), Some(Turn::Begins));
    was_not_told(&at(0)).unwrap();
    assert_eq!(turn(60, true), None);
    assert_eq!(turn(700, true), Some(Turn::Begins));
    assert_eq!(turn(700, true), None);
    was_not_told(&at(700)).unwrap();
    // Whose beginning was not told has no end to be told, and the next trouble is told at once.
    assert_eq!(turn(701, false), None);
    assert_eq!(turn(702, true), Some(Turn::Begins));
}
