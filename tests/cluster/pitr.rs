//! Recovery to a point: each target type on every version, with the rows that must and must not be there.

use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, same};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for major in [12, 15, 17, 18] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("pg{major}_is_recovered_to_each_kind_of_target"),
            move || targets(&program, major),
        );
    }
    let again = Arc::clone(program);
    suite = suite.test(
        "recovery_across_a_fork_of_timelines_finds_both_branches",
        move || timelines(&again),
    );
    let standby = Arc::clone(program);
    suite.test("a_restored_standby_follows_the_archive", move || {
        follows(&standby)
    })
}

fn targets(program: &Program, major: u32) -> TestResult {
    let stage = Stage::new(
        program,
        Cluster::builder(major),
        &[("compress-type", "zst")],
    )?;
    let sql = |text: &str| stage.cluster.sql(text);
    sql("create table t (what text)")?;
    stage.run(&["--type=full", "backup"])?;
    sql("insert into t values ('after backup')")?;
    // A set is chosen by its stop time in whole seconds, strictly before the target.
    let stopped = sql("select date_trunc('second', clock_timestamp())")?;
    stage.cluster.wait_for_sql(
        &format!("select clock_timestamp() >= '{stopped}'::timestamptz + interval '1 s'"),
        "t",
    )?;
    let time = sql("select clock_timestamp()")?;
    // The commit after the target must have a later time, whatever the clock's resolution.
    sql("select pg_sleep(0.01)")?;
    sql("insert into t values ('after time')")?;
    let xid =
        sql("begin; insert into t values ('the transaction'); select txid_current(); commit;")?;
    sql("insert into t values ('after transaction')")?;
    let lsn = sql("select pg_current_wal_insert_lsn()")?;
    sql("insert into t values ('after lsn')")?;
    sql("select pg_create_restore_point('here')")?;
    sql("insert into t values ('after name')")?;
    stage.archive_all()?;

    let all = [
        "after backup",
        "after time",
        "the transaction",
        "after transaction",
        "after lsn",
        "after name",
    ];
    for (arguments, rows) in [
        (vec!["--type=immediate".to_owned()], 0),
        (
            vec!["--type=time".to_owned(), format!("--target={time}")],
            1,
        ),
        (vec!["--type=xid".to_owned(), format!("--target={xid}")], 3),
        (
            vec![
                "--type=xid".to_owned(),
                format!("--target={xid}"),
                "--target-exclusive".to_owned(),
            ],
            2,
        ),
        (vec!["--type=lsn".to_owned(), format!("--target={lsn}")], 4),
        (
            vec!["--type=name".to_owned(), "--target=here".to_owned()],
            5,
        ),
        (vec!["--type=default".to_owned()], 6),
    ] {
        let name = format!("copy{rows}");
        let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if !words[0].ends_with("default") {
            words.push("--target-action=promote");
        }
        let copy = stage.restore(&name, &words)?;
        let restored = stage.start(&copy)?;
        let expected = all[..rows].join(",");
        same(
            &arguments.join(" "),
            &expected,
            &restored.sql("select string_agg(what, ',' order by ctid) from t")?,
        )?;
    }
    Ok(())
}

/// A cluster is promoted to timeline 2, archives, and is restored again on either branch.
fn timelines(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(17), &[])?;
    stage.cluster.sql("create table t (what text)")?;
    stage.run(&["--type=full", "backup"])?;
    stage.cluster.sql("insert into t values ('common')")?;
    stage
        .cluster
        .sql("select pg_create_restore_point('fork')")?;
    stage.cluster.sql("insert into t values ('first branch')")?;
    stage.archive_all()?;
    stage
        .cluster
        .stop(pgkeep_testkit::cluster::StopMode::Fast)?;

    let copy = stage.restore(
        "second",
        &["--type=name", "--target=fork", "--target-action=promote"],
    )?;
    let second = Cluster::at(17, &copy, true)?;
    let push = format!(
        "{} --config={} --stanza=main --pg1-path={} archive-push \"%p\"",
        program.link().display(),
        stage.config.display(),
        copy.display()
    );
    second.append_setting("archive_command", &push)?;
    second.start()?;
    second.wait_for_sql("select pg_is_in_recovery()", "f")?;
    second.sql("insert into t values ('second branch')")?;
    let segment = second.sql("select pg_walfile_name(pg_switch_wal())")?;
    second.wait_for_sql(
        &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
        "t",
    )?;
    second.stop(pgkeep_testkit::cluster::StopMode::Fast)?;

    let rows =
        |restored: &Cluster| restored.sql("select string_agg(what, ',' order by ctid) from t");
    let latest = stage.start(&stage.restore("latest", &[])?)?;
    same("latest timeline", "common,second branch", &rows(&latest)?)?;
    let first = stage.start(&stage.restore("first", &["--target-timeline=1"])?)?;
    same("first timeline", "common,first branch", &rows(&first)?)
}

fn follows(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), &[])?;
    stage.cluster.sql("create table t (n int)")?;
    stage.run(&["--type=full", "backup"])?;
    let copy = stage.restore("standby", &["--type=standby"])?;
    let standby = Cluster::at(15, &copy, false)?;
    standby.start()?;
    stage
        .cluster
        .sql("insert into t select generate_series(1, 100)")?;
    stage.archive_all()?;
    standby.wait_for_sql("select count(*) from t", "100")?;
    same(
        "in recovery",
        "t",
        &standby.sql("select pg_is_in_recovery()")?,
    )
}
