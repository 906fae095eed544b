#![allow(clippy::disallowed_methods)] // a repository that is none

use pgkeep_config::Program;

use super::settings::Settings;
use crate::run::test_context;
use crate::stanzas::{self, Running, Status, percent};

#[test]
fn a_repository_in_trouble_is_a_status_and_does_not_end_info() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let broken = format!("--repo1-path={}", file.display());
    let stanzas = |options: &[&str]| {
        let context = test_context::new(Program::PgBackRest, "info", options);
        stanzas::read(&context, &Settings::from(&context).unwrap().wanted())
    };
    let found = stanzas(&[&broken]).unwrap();
    assert!(
        matches!(found[0].repositories[0].status, Status::Other(_)),
        "{found:?}"
    );
}

#[test]
fn the_status_over_all_repositories_is_the_common_one_or_mixed() {
    let all = |list: &[Status]| Status::over_all(list.iter());
    assert_eq!(all(&[Status::Ok, Status::Ok]), Status::Ok);
    assert_eq!(all(&[Status::Ok, Status::NoBackups]), Status::Mixed);
    assert_eq!(all(&[Status::NoBackups]), Status::NoBackups);
    assert_eq!(
        all(&[Status::Other("a".into()), Status::Other("b".into())]).code(),
        99
    );
}

#[test]
fn percentages_have_two_decimals_and_are_cut_not_rounded() {
    assert_eq!(percent(1, 3), "33.33%");
    assert_eq!(percent(2, 3), "66.66%");
    assert_eq!(percent(7, 7), "100.00%");
    let running = Running {
        held: true,
        size: 0,
        size_complete: 0,
    };
    assert_eq!(running.percent_text(), "");
}
