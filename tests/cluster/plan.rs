//! What a restore says beforehand, against what recovery then does: targets that the archive cannot reach are refused, and
//! PostgreSQL fails on those that are forced; all others are reached.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, same};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    // Version 12 has no say in what cannot be reached: it ends recovery where the WAL ends.
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    for major in [12, 17].into_iter().filter(|major| full || *major == 17) {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("pg{major}_is_restored_only_to_what_the_archive_can_reach"),
            move || reaches(&program, major),
        );
    }
    suite
}

/// Times and positions of a history: two rows in two segments, then one that is not archived.
struct History {
    before_second: String,
    after_second: String,
    lsn_first: String,
    lsn_end: String,
}

fn make(stage: &Stage<'_>) -> Result<History> {
    let sql = |text: &str| stage.cluster.sql(text);
    sql("create table t (what text)")?;
    stage.run(&["--type=full", "backup"])?;
    sql("insert into t values ('first')")?;
    let lsn_first = sql("select pg_current_wal_lsn()")?;
    stage.archive_all()?;
    // Recovery stops at the first commit after the target, so times must differ: by three seconds of the clock.
    let before_second =
        sql("select date_trunc('second', clock_timestamp()) + interval '1 second'")?;
    stage.cluster.wait_for_sql(
        &format!("select clock_timestamp() > timestamptz '{before_second}' + interval '1 second'"),
        "t",
    )?;
    sql("insert into t values ('second')")?;
    let after_second =
        sql("select date_trunc('second', clock_timestamp()) + interval '4 seconds'")?;
    stage.archive_all()?;
    let lsn_end = sql("select pg_current_wal_lsn()")?;
    Ok(History {
        before_second,
        after_second,
        lsn_first,
        lsn_end,
    })
}

/// A data directory to restore into.
fn fresh(stage: &Stage<'_>, name: &str) -> Result<(PathBuf, String)> {
    let copy = stage.cluster.scratch().make_dir(name)?;
    let path = format!("--pg1-path={}", copy.display());
    Ok((copy, path))
}

fn is_empty(path: &Path) -> TestResult {
    same(
        "files in the data directory",
        "0",
        &std::fs::read_dir(path)?.count().to_string(),
    )
}

fn reaches(program: &Program, major: u32) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(major), &[])?;
    let history = make(&stage)?;
    let time = |target: &str| {
        vec![
            "--type=time".to_owned(),
            format!("--target={target}"),
            "--target-action=promote".to_owned(),
        ]
    };
    let lsn = |target: &str| {
        vec![
            "--type=lsn".to_owned(),
            format!("--target={target}"),
            "--target-action=promote".to_owned(),
        ]
    };

    let reached = [
        (
            "end",
            vec!["--type=default".to_owned()],
            "reached",
            "first,second",
        ),
        (
            "immediate",
            vec![
                "--type=immediate".to_owned(),
                "--target-action=promote".to_owned(),
            ],
            "reached",
            "",
        ),
        ("time", time(&history.before_second), "reached", "first"),
        ("lsn", lsn(&history.lsn_first), "reached", "first"),
    ];
    for (name, options, status, rows) in reached {
        let (copy, path) = fresh(&stage, name)?;
        let said = planned(&stage, &path, &options)?;
        same(
            name,
            status,
            said["reach"]["status"].as_str().unwrap_or("?"),
        )?;
        is_empty(&copy)?;
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let restored = stage.start(&stage.restore(&format!("{name}-restored"), &options)?)?;
        let found =
            restored.sql("select coalesce(string_agg(what, ',' order by ctid), '') from t")?;
        same(name, rows, &found)?;
        restored.stop(StopMode::Immediate)?;
    }

    let refused = [
        (
            "late",
            time(&history.after_second),
            "the last transaction in the WAL ended at 20",
        ),
        ("behind", lsn(&history.lsn_end), "the WAL ends at "),
        ("far", lsn("F/0"), "the WAL ends at "),
    ];
    for (name, options, reason) in &refused {
        let (copy, path) = fresh(&stage, name)?;
        let mut all = vec![path.as_str()];
        all.extend(options.iter().map(String::as_str));
        let said = planned(&stage, &path, options)?;
        same(
            name,
            "unreachable",
            said["reach"]["status"].as_str().unwrap_or("?"),
        )?;
        same(name, "75", &said["refused"][0]["code"].to_string())?;
        all.push("restore");
        let outcome = stage.outcome(&all)?.expect_code(75)?;
        if !outcome.stdout.contains(reason) || !outcome.stdout.contains("--no-target-check") {
            return Err(format!("{name}: no '{reason}' in:\n{}", outcome.stdout).into());
        }
        is_empty(&copy)?;
        if *name == "behind" && std::env::var_os("PGKEEP_TEST_FULL").is_none() {
            continue;
        }
        // pgBackRest goes on, and so does who asks for it; a server of version 13 or later then fails.
        all.insert(0, "--no-target-check");
        stage.run(&all)?;
        if major >= 13 {
            fails(&Cluster::at(major, &copy, false)?)?;
        }
    }
    let (copy, path) = fresh(&stage, "as-pgbackrest")?;
    let mut pgbackrest = program.as_pgbackrest();
    pgbackrest
        .arg(format!("--config={}", stage.config.display()))
        .args(["--stanza=main", &path]);
    let outcome = run(pgbackrest.args(&refused[2].1).arg("restore"))?.success()?;
    if outcome.stdout.contains("plan") || copy.join("PG_VERSION").metadata().is_err() {
        return Err(format!("as pgbackrest:\n{}", outcome.stdout).into());
    }
    without_wal(&stage)
}

/// The server does not get to its target. It may take connections for a moment before it finds out.
fn fails(restored: &Cluster) -> TestResult {
    const FATAL: &str = "recovery ended before configured recovery target was reached";
    let _ = restored.start();
    for _ in 0..600 {
        if restored.log_text().contains(FATAL) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(format!("it was called unreachable:\n{}", restored.log_text()).into())
}

/// The plan as a document, whatever the exit status.
fn planned(stage: &Stage<'_>, path: &str, options: &[String]) -> Result<serde_json::Value> {
    let mut all = vec![
        path,
        "--dry-run",
        "--output=json",
        "--log-level-console=off",
    ];
    all.extend(options.iter().map(String::as_str));
    all.push("restore");
    let outcome = stage.outcome(&all)?;
    serde_json::from_str(&outcome.stdout)
        .map_err(|error| format!("{error}:\n{}\n{}", outcome.stdout, outcome.stderr).into())
}

/// A set whose own WAL is gone makes no cluster; one behind a gap leads to the gap.
fn without_wal(stage: &Stage<'_>) -> TestResult {
    let (copy, path) = fresh(stage, "gap")?;
    let said = planned(stage, &path, &[])?;
    let reach = &said["reach"];
    let last = reach["end"]["wal"].as_str().unwrap_or_default().to_owned();
    let needed = reach["consistent"]["wal-stop"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let archive = stage.cluster.scratch().join("repo/archive/main");
    remove_segment(&archive, &last)?;
    let said = planned(stage, &path, &[])?;
    same(
        "status behind the end",
        "reached",
        said["reach"]["status"].as_str().unwrap_or("?"),
    )?;
    if said["reach"]["end"]["wal"] == last.as_str() {
        return Err("a segment that is gone was counted".into());
    }
    remove_segment(&archive, &needed)?;
    let outcome = stage.outcome(&[&path, "restore"])?.expect_code(75)?;
    let wanted = format!("WAL that makes the set consistent is not in the archive: {needed}");
    if !outcome.stdout.contains(&wanted) {
        return Err(format!("no '{wanted}' in:\n{}", outcome.stdout).into());
    }
    is_empty(&copy)?;
    stage.run(&[&path, "--type=standby", "restore"])?;
    Ok(())
}

fn remove_segment(archive: &Path, segment: &str) -> TestResult {
    for id in std::fs::read_dir(archive)? {
        let directory = id?.path().join(&segment[..16]);
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{segment}-"))
            {
                return Ok(std::fs::remove_file(entry.path())?);
            }
        }
    }
    Err(format!("no segment {segment} in {}", archive.display()).into())
}
