//! Drills of repositories that are in order: everything is proved, the original is not touched, nothing is left.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, holds};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let mut majors = vec![15];
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        majors.extend([12, 17, 18]);
    }
    for major in majors {
        let own = Arc::clone(program);
        suite = suite.test(
            format!(
                "drill_proves_a_cluster_of_{major}_with_a_tablespace_and_touches_nothing_of_it"
            ),
            move || proved(&own, major),
        );
    }
    let own = Arc::clone(program);
    suite = suite.test(
        "drill_and_restore_table_go_to_moments_of_the_past_in_encrypted_bundles_and_blocks",
        move || moments(&own),
    );
    let own = Arc::clone(program);
    suite = suite.test(
        "drill_reads_databases_whose_settings_and_triggers_are_in_its_way",
        move || odd(&own),
    );
    let own = Arc::clone(program);
    suite.test("drill_follows_wal_of_a_cluster_that_crashed", move || {
        crashed(&own)
    })
}

/// Settings that would reach out if the scratch server had them.
const REACHING: &str = "alter system set primary_conninfo = 'host=primary.invalid'; \
    alter system set synchronous_standby_names = ''; alter system set shared_buffers = '20MB'";

fn proved(program: &Program, major: u32) -> TestResult {
    let stage = Stage::new(
        program,
        Cluster::builder(major).data_checksums(true),
        |made| made,
    )?;
    let space = stage.cluster.scratch().make_dir("space")?;
    stage.cluster.sql(&format!(
        "create tablespace outside location '{}'",
        space.display()
    ))?;
    stage
        .cluster
        .sql("create database shop tablespace outside")?;
    stage.cluster.sql_in(
        "shop",
        "create table t as select g from generate_series(1, 1000) g",
    )?;
    stage.cluster.sql(REACHING)?;
    stage.run(&["--type=full", "backup"])?;
    stage.cluster.sql_in("shop", "insert into t values (0)")?;
    let newest = stage.archive_all()?;
    let before = stage.archived()?;
    let checks = stage.cluster.scratch().write(
        "checks",
        "# as it was\n[shop]\nselect count(*), min(g) from t\n=> 1001|0\nselect g from t where g < 2 order by 1\n=> 0\n=> 1\n",
    )?;
    let ended = stage.drill(0, &[&format!("--drill-check-file={}", checks.display())])?;
    let newest = format!("complete to the newest segment {newest}");
    let mut wanted = vec![
        "time to restore: ",
        "ok      SQL checks: 2 as expected",
        newest.as_str(),
    ];
    wanted.extend([
        "ok      rows: all can be read in postgres, shop, template1",
        "recovery time: ",
        "last transaction: ",
    ]);
    if major == 15 {
        wanted.extend([
            "all proofs passed",
            "ok      pg_amcheck: tables and indexes agree",
            "ok      page checksums: ",
        ]);
    }
    holds(&ended.stdout, &wanted)?;
    if stage.archived()? != before {
        return Err("the archive has changed".into());
    }
    let rows = stage.cluster.sql_in("shop", "select count(*) from t")?;
    if rows != "1001" {
        return Err(format!("the original has {rows} rows").into());
    }
    // The same for programs, and kept.
    let ended = stage.drill(0, &["--output=json"])?;
    let document: serde_json::Value = serde_json::from_str(&ended.stdout)?;
    for (pointer, wanted) in [
        ("/result", "ok"),
        ("/recovery/type", "default"),
        ("/proof/0/result", "ok"),
    ] {
        if document.pointer(pointer).and_then(|found| found.as_str()) != Some(wanted) {
            return Err(format!("{pointer} is not {wanted}: {document}").into());
        }
    }
    let history = stage
        .run(&["--drill-history", "--output=json", "drill"])?
        .stdout;
    let history: serde_json::Value = serde_json::from_str(&history)?;
    if history.as_array().map(Vec::len) != Some(2) || history[1] != document {
        return Err(format!("not the history of two drills: {history}").into());
    }
    holds(
        &stage.run(&["--drill-history", "drill"])?.stdout,
        &["restore", "ok"],
    )
}

fn moments(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| {
        made.global("repo1-cipher-type", "aes-256-cbc")
            .global("repo1-cipher-pass", "hush")
            .global("repo1-bundle", "y")
            .global("repo1-block", "y")
    })?;
    stage
        .cluster
        .sql("create table t as select g, repeat('x', 200) from generate_series(1, 5000) g")?;
    stage.run(&["--type=full", "backup"])?;
    stage.cluster.sql("update t set g = -g where g < 10")?;
    stage.before_it_is_dropped("t")?;
    stage.run(&["--type=incr", "backup"])?;
    let full = stage.run(&["--output=json", "info"])?.stdout;
    let info: serde_json::Value = serde_json::from_str(&full)?;
    let label = info[0]["backup"][0]["label"]
        .as_str()
        .ok_or("no label")?
        .to_owned();
    let checks = stage
        .cluster
        .scratch()
        .write("checks", "select count(*), min(g) from t\n=> 5000|-9\n")?;
    let checks = format!("--drill-check-file={}", checks.display());
    let set = format!("--set={label}");
    let named = [checks.as_str(), &set, "--type=name", "--target=before"];
    holds(
        &stage.drill(0, &named)?.stdout,
        &["SQL checks: 1 as expected", "the target was reached"],
    )?;
    stage.brings_back("t", "\n-9\t", &[&set])?;
    // The table is gone from what is newest: the check fails, and says how.
    let ended = stage.drill(58, &[&checks])?;
    holds(
        &ended.stdout,
        &[
            "failed  SQL checks: line 1: expected '5000|-9' but found '(",
            "not all proofs passed",
        ],
    )?;
    holds(
        &stage.drill(0, &["--drill-random"])?.stdout,
        &["target: lsn 0/", "the target was reached"],
    )?;
    // WAL between the backups goes: the only moment of the older one is its end.
    stage.run(&[
        "--repo1-retention-archive-type=incr",
        "--repo1-retention-archive=1",
        "expire",
    ])?;
    holds(
        &stage.drill(0, &["--drill-random"])?.stdout,
        &["target: the end of the backup", "the target was reached"],
    )?;
    let nowhere = stage.drill(75, &["--type=name", "--target=nowhere"])?;
    let told =
        "recovery ended before restore point 'nowhere': the archived WAL does not lead to it";
    holds(&nowhere.stdout, &[told, "HINT: "])?;
    // Refused before anything is done.
    for (code, arguments) in [
        (31, vec!["--drill-random", set.as_str()]),
        (31, vec!["--drill-random", "--target-timeline=1"]),
        (32, vec!["--scratch-setting=archive_command=x"]),
        (32, vec!["--scratch-setting=include=/etc/postgresql.conf"]),
        (32, vec!["--scratch-setting=zero_damaged_pages=on"]),
        (55, vec!["--drill-check-file=/missing/checks"]),
    ] {
        stage.drill(code, &arguments)?;
    }
    let unknown = stage.drill(102, &["--scratch-setting=shared_buffers=much"])?;
    let told = "invalid value for parameter \"shared_buffers\": \"much\"";
    holds(&unknown.stdout, &[told])?;
    let busy = stage.cluster.scratch().make_dir("busy")?;
    std::fs::write(busy.join("precious"), "x")?;
    let path = format!("--scratch-path={}", busy.display());
    run(stage.command().args([&path, "drill"]))?.expect_code(40)?;
    if std::fs::read(busy.join("precious"))? != b"x" {
        return Err("a file of somebody else has changed".into());
    }
    Ok(())
}

/// Segments are large, a trigger forbids the extension that the drill makes, a database has settings that end its sessions.
fn odd(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15).wal_segment_mib(64), |made| {
        made
    })?;
    for database in ["shop", "half", "closed"] {
        stage.cluster.sql(&format!("create database {database}"))?;
    }
    stage.cluster.sql_in(
        "shop",
        "create table t as select g from generate_series(1, 1000) g; \
         create function no() returns event_trigger language plpgsql as $$begin raise exception 'a trigger was run'; end$$; \
         create event trigger no on ddl_command_start execute function no(); alter event trigger no enable always",
    )?;
    for setting in [
        "statement_timeout = '10ms'",
        "default_transaction_read_only = on",
        "zero_damaged_pages = on",
    ] {
        let set = format!("alter database shop set {setting}");
        stage.cluster.sql(&set)?;
    }
    stage.cluster.sql(
        "update pg_database set datconnlimit = -2 where datname = 'half'; \
         update pg_database set datallowconn = false where datname in ('closed', 'template1')",
    )?;
    stage.run(&["--type=full", "backup"])?;
    stage.archive_all()?;
    let checks = stage.cluster.scratch().write(
        "checks",
        "[shop]\nselect count(*) from t, pg_sleep(0.1)\n=> 1000\nshow zero_damaged_pages\n=> off\n\
         select 'a '::char(3)\n=> a\nselect 1 where false\n=>\n",
    )?;
    let checks = format!("--drill-check-file={}", checks.display());
    holds(
        &stage.drill(0, &[&checks])?.stdout,
        &[
            "rows: all can be read in postgres, shop; not read: closed (does not allow connections), \
             half (DROP DATABASE was interrupted), template1 (does not allow connections)",
            "ok      SQL checks: 4 as expected",
            "ok      pg_amcheck: tables and indexes agree",
        ],
    )
}

/// A crash in the midst of much WAL leaves the beginning of a record, which the server goes on behind.
fn crashed(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| made)?;
    stage
        .cluster
        .sql("create table t (g int, filler text); insert into t values (1, '')")?;
    stage.run(&["--type=full", "backup"])?;
    for _ in 0..5 {
        stage.cluster.sql(
            "begin; insert into t select g, repeat('x', 3000) from generate_series(1, 1000) g; rollback",
        )?;
        stage.cluster.stop(StopMode::Immediate)?;
        stage.cluster.start()?;
    }
    let newest = stage.archive_all()?;
    holds(
        &stage.drill(0, &[])?.stdout,
        &[
            &format!("complete to the newest segment {newest}"),
            "all proofs passed",
        ],
    )
}
