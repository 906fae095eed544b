//! Damage: bad pages are recorded but do not stop a backup; a damaged repository file stops a restore.

use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::Stage;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (pages, repository, delta) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test(
            "a_page_with_a_wrong_checksum_is_recorded_and_warned_about",
            move || bad_page(&pages),
        )
        .test(
            "a_damaged_file_of_the_repository_stops_the_restore",
            move || bad_repository(&repository),
        )
        .test(
            "delta_mends_a_damaged_cluster_and_touches_nothing_else",
            move || mended(&delta),
        )
}

fn bad_page(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), &[])?;
    stage
        .cluster
        .sql("create table t as select generate_series(1, 5000) n; checkpoint")?;
    let file = stage.cluster.sql("select pg_relation_filepath('t')")?;
    stage.cluster.stop(StopMode::Fast)?;
    let path = stage.cluster.data_dir().join(&file);
    for page in [1_u64, 3, 4, 5] {
        fs::OpenOptions::new()
            .write(true)
            .open(&path)?
            .write_all_at(b"\xff\xff\xff", page * 8192 + 4000)?;
    }
    stage.cluster.start()?;
    let backup = stage.run(&["--type=full", "backup"])?;
    let warned = format!(
        "invalid page checksums found in file {} at pages 1, 3-5",
        path.display()
    );
    if !backup.stdout.contains(&warned) {
        return Err(format!("'{warned}' is not in:\n{}", backup.stdout).into());
    }
    let info = stage.run(&["--output=json", "info"])?.stdout;
    if info.contains("\"error\":true") {
        Ok(())
    } else {
        Err(format!("the error is not recorded:\n{info}").into())
    }
}

fn bad_repository(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), &[("compress-type", "none")])?;
    stage.cluster.sql(
        "create table t as select g, repeat('x', 100) from generate_series(1, 5000) g; checkpoint",
    )?;
    let file = stage.cluster.sql("select pg_relation_filepath('t')")?;
    stage.run(&["--type=full", "backup"])?;
    let stored = stage
        .cluster
        .scratch()
        .join("repo/backup/main/latest/pg_data")
        .join(&file);
    fs::OpenOptions::new()
        .write(true)
        .open(&stored)?
        .write_all_at(b"!", 10_000)?;
    let copy = stage.cluster.scratch().make_dir("copy")?;
    let path = format!("--pg1-path={}", copy.display());
    let failed = stage
        .outcome(&[&path, "--job-retry=0", "restore"])?
        .expect_code(26)?;
    if !failed.stdout.contains(&file) {
        return Err(format!("the file is not named in:\n{}", failed.stdout).into());
    }
    // A server cannot start on half a cluster.
    if copy.join("global/pg_control").exists() {
        Err("pg_control was restored".into())
    } else {
        Ok(())
    }
}

fn mended(program: &Program) -> TestResult {
    let stage = Stage::new(
        program,
        Cluster::builder(17),
        &[
            ("compress-type", "lz4"),
            ("repo1-bundle", "y"),
            ("repo1-block", "y"),
        ],
    )?;
    stage.cluster.sql(
        "create table t as select g, md5(g::text) from generate_series(1, 40000) g; checkpoint",
    )?;
    let file = stage.cluster.sql("select pg_relation_filepath('t')")?;
    stage.cluster.stop(StopMode::Fast)?;
    stage.run(&["--type=full", "--no-online", "backup"])?;
    let ignore = Ignore::of_restore();
    let before = Snapshot::of(stage.cluster.data_dir(), &ignore)?;
    let data = stage.cluster.data_dir();
    fs::OpenOptions::new()
        .write(true)
        .open(data.join(&file))?
        .write_all_at(&[0; 9000], 16_000)?;
    stage.cluster.scratch().write("data/base/stray", "x")?;
    fs::OpenOptions::new()
        .append(true)
        .open(data.join("pg_hba.conf"))?
        .write_all_at(b"# grown\n", 1 << 16)?;
    stage.run(&["--delta", "--type=none", "restore"])?;
    Ok(before.must_equal(&Snapshot::of(data, &ignore)?)?)
}
