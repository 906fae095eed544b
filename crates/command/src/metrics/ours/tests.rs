#![allow(clippy::disallowed_methods)] // what other commands leave on a host

use std::fs;

use super::super::family::Families;
use super::super::tests::{context, printed};
use super::super::text;
use super::restorable;
use crate::stanzas::tests::{entry, report};

/// The samples of ours, without the rest.
fn samples(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| line.starts_with("pgkeep_"))
        .collect()
}

#[test]
fn a_repository_tells_what_it_can_restore() {
    let segments: &[(&str, i64)] = &[
        ("000000010000000000000002", 150),
        ("000000010000000000000003", 160),
        // 4 is missing, which ends the first backup; and 7, which the third one needs.
        ("000000010000000000000005", 260),
        ("000000010000000000000006", 270),
    ];
    let report = report(
        vec![
            entry("20260101-000000F", 1, "000000010000000000000002", 100),
            entry("20260201-000000F", 1, "000000010000000000000005", 200),
            entry("20260301-000000F", 1, "000000010000000000000007", 300),
        ],
        &[segments],
    );
    let mut families = Families::default();
    restorable::add("demo", &report, &mut families);
    let text = text::render(families);
    let of = r#"{repo_key="1",stanza="demo"}"#;
    assert_eq!(
        samples(&text),
        [
            format!("pgkeep_repo_wal_gaps{of} 2"),
            format!("pgkeep_repo_unrestorable_backups{of} 1"),
            format!("pgkeep_repo_restorable_timestamp_seconds{of} 270"),
            format!("pgkeep_repo_restorable_since_timestamp_seconds{of} 200"),
        ]
    );
}

#[test]
fn where_wal_was_not_read_nothing_is_told_of_it() {
    let mut report = report(
        vec![entry(
            "20260101-000000F",
            1,
            "000000010000000000000002",
            100,
        )],
        &[&[]],
    );
    report.wal = None;
    let mut families = Families::default();
    restorable::add("demo", &report, &mut families);
    assert!(samples(&text::render(families)).is_empty());
}

#[test]
fn what_was_never_done_has_no_value() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("repo/backup/demo")).unwrap();
    let text = printed(context(dir.path(), &[]));
    assert!(samples(&text).is_empty(), "{text}");
}

#[test]
fn drills_and_the_spool_of_this_host_are_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("repo/backup/demo")).unwrap();
    let drill = |stop: i64, result: &str, code: u8| {
        format!(
            r#"{{"result":"{result}","timestamp":{{"start":1,"stop":{stop}}},"time":{{"restore-ms":1500,"replay-ms":null}},"reached":{{"age":7}},"error":{{"code":{code}}}}}"#
        )
    };
    let history = [
        drill(10, "ok", 0),
        drill(20, "failed", 28),
        drill(30, "failed", 39),
    ];
    fs::write(dir.path().join("demo-drill.history"), history.join("\n")).unwrap();
    for (queue, names) in [
        (
            "in",
            &["000000010000000000000001", "000000010000000000000002.ok"][..],
        ),
        (
            "out",
            &[
                "000000010000000000000001.ok",
                "000000010000000000000002.ok",
                "global.error",
            ][..],
        ),
    ] {
        let queue = dir.path().join("spool/archive/demo").join(queue);
        fs::create_dir_all(&queue).unwrap();
        names
            .iter()
            .for_each(|name| fs::write(queue.join(name), "").unwrap());
    }
    let text = printed(context(dir.path(), &[]));
    let of = r#"{stanza="demo"}"#;
    assert_eq!(
        samples(&text),
        [
            format!("pgkeep_drill_last_timestamp_seconds{of} 30"),
            format!("pgkeep_drill_last_status{of} 39"),
            format!("pgkeep_drill_last_success_timestamp_seconds{of} 10"),
            format!("pgkeep_drill_failures_since_success{of} 2"),
            format!("pgkeep_drill_last_restore_seconds{of} 1.5"),
            format!("pgkeep_drill_last_data_age_seconds{of} 7"),
            format!("pgkeep_spool_fetched_segments{of} 1"),
            format!("pgkeep_spool_pushed_segments{of} 2"),
            format!("pgkeep_spool_push_errors{of} 1"),
        ]
    );
}
