//! Backups from a standby by either program, each continued and restored by the other.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, Who, says, says_not};

type Options = &'static [(&'static str, &'static str)];

const PLAIN: Options = &[];
const BUNDLE: Options = &[("repo1-bundle", "y"), ("compress-type", "zst")];
const BLOCK: Options = &[
    ("repo1-bundle", "y"),
    ("repo1-block", "y"),
    ("compress-type", "lz4"),
    ("process-max", "2"),
];
const ENCRYPTED: Options = &[
    ("repo1-bundle", "y"),
    ("repo1-block", "y"),
    ("repo1-cipher-type", "aes-256-cbc"),
    ("repo1-cipher-pass", "secret"),
    ("process-max", "2"),
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let mut rows = vec![
        (12, "plain", PLAIN, Who::Ours, Who::Theirs),
        (15, "bundle", BUNDLE, Who::Theirs, Who::Ours),
        (17, "encrypted", ENCRYPTED, Who::Ours, Who::Theirs),
        (18, "block", BLOCK, Who::Theirs, Who::Ours),
    ];
    if full() {
        for major in [12, 15, 17, 18] {
            for (name, options) in [
                ("plain", PLAIN),
                ("bundle", BUNDLE),
                ("block", BLOCK),
                ("encrypted", ENCRYPTED),
            ] {
                for (writer, other) in [(Who::Ours, Who::Theirs), (Who::Theirs, Who::Ours)] {
                    let row = (major, name, options, writer, other);
                    if !rows.contains(&row) {
                        rows.push(row);
                    }
                }
            }
        }
    }
    for (major, name, options, writer, other) in rows {
        let program = Arc::clone(program);
        suite = suite.test(
            format!(
                "{}_backs_up_a_standby_of_pg{major}_{name}_and_the_other_goes_on_and_restores",
                match writer {
                    Who::Theirs => "pgbackrest",
                    _ => "ours",
                }
            ),
            move || life(&program, major, options, writer, other),
        );
    }
    suite
}

/// Whether every combination is wanted.
fn full() -> bool {
    std::env::var_os("PGKEEP_TEST_FULL").is_some()
}

fn life(program: &Program, major: u32, options: Options, writer: Who, other: Who) -> TestResult {
    let stage = Stage::new(program, major, options)?;
    let sql = |sql: &str| stage.primary.sql(sql);
    sql(
        "create table big as select g, repeat('x', 100) filler from generate_series(1, 20000) g; create table small (i int); insert into small values (1)",
    )?;
    let backup = |who: Who, kind: &str| {
        let outcome = stage.run(who, &[kind, "--backup-standby", "backup"])?;
        came_from_both(&stage, &outcome.stdout)
    };
    backup(writer, "--type=full")?;
    sql(
        "update big set filler = repeat('y', 100) where g % 100 = 0; insert into small values (2)",
    )?;
    backup(other, "--type=diff")?;
    sql("insert into small values (3); create table late as select 1 as one")?;
    backup(writer, "--type=incr")?;
    sql("insert into small values (4)")?;
    let segment = sql("select pg_walfile_name(pg_switch_wal())")?;
    stage.primary.wait_for_sql(
        &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
        "t",
    )?;
    let recorded = stage.run(Who::Ours, &["--raw", "repo-get", "backup/main/backup.info"]);
    if let Ok(recorded) = recorded
        && !options.iter().any(|(option, _)| option.contains("cipher"))
    {
        says(&recorded.stdout, &["\"option-backup-standby\":true"])?;
        says_not(&recorded.stdout, &["\"option-backup-standby\":false"])?;
    }
    stage.verified()?;
    let expected = stage.primary.dump()?;
    stage.restores_to(other, "by-other", &expected)?;
    if full() {
        stage.restores_to(writer, "by-writer", &expected)?;
    }
    stage.nobody_is_left(&[&stage.primary, &stage.standby])
}

/// What WAL replays came from the standby and the rest from the primary.
fn came_from_both(stage: &Stage<'_>, log: &str) -> TestResult {
    let standby = stage.standby_dir().display().to_string();
    let primary = stage.primary.data_dir().display().to_string();
    says(
        log,
        &[
            "wait for replay on the standby to reach",
            "replay on the standby reached",
            &format!("backup file {standby}/base/"),
            &format!("backup file {primary}/global/pg_control"),
        ],
    )?;
    says_not(
        log,
        &[
            &format!("backup file {primary}/base/"),
            &format!("backup file {standby}/global/pg_control"),
            &format!("backup file {standby}/postgresql.conf"),
        ],
    )
}
