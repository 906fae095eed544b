//! Both programs on one archive of a live server: each pushes, each gets, and recovery needs what both pushed.

use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, same};

type Find = fn() -> pgkeep_testkit::error::Result<PgBackRest>;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let releases: [(&str, Find); 2] = [
        ("pgbackrest_2_55", PgBackRest::mandatory),
        ("the_newest_pgbackrest", PgBackRest::rolling),
    ];
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    for (number, (name, find)) in releases.into_iter().enumerate() {
        for (turn, major) in [15, 17].into_iter().enumerate() {
            // Each release with one server, and each server with one release; the other pairs in full.
            if !full && number == turn {
                continue;
            }
            let program = Arc::clone(program);
            suite = suite.test(
                format!("pg{major}_recovers_from_segments_pushed_and_fetched_by_us_and_{name}"),
                move || mixed(&program, &find()?, major),
            );
        }
    }
    suite
}

fn mixed(program: &Program, pgbackrest: &PgBackRest, major: u32) -> TestResult {
    let stage = Stage::new(
        program,
        Cluster::builder(major).wal_segment_mib(1),
        &[("compress-type", "zst"), ("process-max", "2")],
    )?;
    stage.cluster.sql("create table t (what text)")?;
    stage.run(&["--type=full", "backup"])?;
    let (ours, theirs) = (program.link(), pgbackrest.path());
    let mut expected = Vec::new();
    for (round, (program, asynchronous)) in [
        (ours, "--archive-async"),
        (theirs, "--no-archive-async"),
        (theirs, "--archive-async"),
        (ours, "--no-archive-async"),
        (ours, "--archive-async"),
    ]
    .into_iter()
    .enumerate()
    {
        archive_with(&stage, program, asynchronous)?;
        // Several segments, so that the background process has a queue.
        for part in 0..4 {
            let what = format!("{round}.{part}");
            stage
                .cluster
                .sql(&format!("insert into t values ('{what}')"))?;
            if part < 3 {
                stage.cluster.sql("select pg_switch_wal()")?;
            }
            expected.push(what);
        }
        stage.archive_all()?;
    }
    let expected = expected.join(",");
    let mut number = 0;
    for restored_by_us in [true, false] {
        for (getter, asynchronous) in [
            (ours, "--archive-async"),
            (theirs, "--archive-async"),
            (ours, "--no-archive-async"),
        ] {
            number += 1;
            let copy = stage.cluster.scratch().make_dir(format!("copy{number}"))?;
            let command = if restored_by_us {
                program.command()
            } else {
                pgbackrest.command()
            };
            restore(&stage, command, &copy, getter, asynchronous)?;
            let restored = stage.start(&copy)?;
            same(
                &format!("restore {number}, archive-get by {}", getter.display()),
                &expected,
                &restored.sql("select string_agg(what, ',' order by ctid) from t")?,
            )?;
        }
    }
    Ok(())
}

/// From now on this program archives.
fn archive_with(stage: &Stage<'_>, program: &Path, asynchronous: &str) -> TestResult {
    let command = format!(
        "{} --config={} --stanza=main {asynchronous} archive-push \"%p\"",
        program.display(),
        stage.config.display()
    );
    stage.cluster.append_setting("archive_command", &command)?;
    Ok(stage.cluster.reload()?)
}

fn restore(
    stage: &Stage<'_>,
    mut command: std::process::Command,
    copy: &Path,
    getter: &Path,
    asynchronous: &str,
) -> TestResult {
    let get = format!(
        "--recovery-option=restore_command={} --config={} --stanza=main --pg1-path={} {asynchronous} archive-get %f \"%p\"",
        getter.display(),
        stage.config.display(),
        copy.display(),
    );
    command.args([
        &format!("--config={}", stage.config.display()),
        "--stanza=main",
        &format!("--pg1-path={}", copy.display()),
        &get,
        "restore",
    ]);
    run(&mut command)?.success()?;
    Ok(())
}
