//! Damage of every kind is found and named, and the original is safe from WAL that would reach it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, holds};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let own = Arc::clone(program);
    let suite = suite.test(
        "drill_finds_a_flipped_byte_a_missing_file_and_missing_wal",
        move || found(&own),
    );
    let own = Arc::clone(program);
    let suite = suite.test(
        "drill_finds_a_damaged_index_page_and_a_damaged_table_page",
        move || pages(&own),
    );
    let own = Arc::clone(program);
    let suite = suite.test("drill_finds_a_row_that_cannot_be_read", move || row(&own));
    let own = Arc::clone(program);
    suite.test(
        "drill_does_not_replay_what_would_create_a_tablespace_at_the_place_of_the_original",
        move || new_tablespace(&own),
    )
}

/// Files below a directory of the repository whose names contain this, sorted.
fn stored(stage: &Stage<'_>, below: &str, part: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![stage.cluster.scratch().join("repo").join(below)];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else if path.to_string_lossy().contains(part) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn found(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| {
        made.global("repo1-bundle", "y")
    })?;
    stage
        .cluster
        .sql("create table t as select g from generate_series(1, 1000) g")?;
    stage.run(&["--type=full", "backup"])?;
    let mut segments = Vec::new();
    for round in 0..4 {
        stage
            .cluster
            .sql(&format!("insert into t values ({round})"))?;
        segments.push(stage.archive_all()?);
    }
    // WAL: one segment is missing, the rest is there.
    let missing = stored(&stage, "archive/main", &segments[1])?.remove(0);
    let kept = fs::read(&missing)?;
    fs::remove_file(&missing)?;
    let said = stage.drill(55, &[])?.stdout;
    holds(
        &said,
        &[&format!(
            "failed  WAL chain: missing in the archive: {}",
            segments[1]
        )],
    )?;
    fs::write(&missing, &kept)?;
    // WAL: a byte has changed. The server must not take it for the end.
    let mut flipped = kept.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    fs::write(&missing, &flipped)?;
    let said = stage.drill(102, &[])?.stdout;
    holds(&said, &["the drill could not be finished", &segments[1]])?;
    fs::write(&missing, &kept)?;
    // Backup: a byte of a bundle has changed, then the bundle is missing.
    let bundle = stored(&stage, "backup/main", "/bundle/")?.remove(0);
    let kept = fs::read(&bundle)?;
    let mut flipped = kept.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    fs::write(&bundle, &flipped)?;
    let damaged = stage.drill(26, &[]).or_else(|_| stage.drill(29, &[]))?;
    holds(
        &damaged.stdout,
        &["restore failed: ", "could not be finished"],
    )?;
    fs::remove_file(&bundle)?;
    // What the restore says is read as text, also by a drill whose own log is JSON.
    let mut in_json = stage.drill_command(&[]);
    in_json.env("PGKEEP_LOG_FORMAT", "json");
    let said = run(&mut in_json)?.expect_code(55)?.stdout;
    stage.nothing_is_left()?;
    holds(
        &said,
        &["\"message\":\"restore failed: ", "could not be finished"],
    )?;
    if said.contains("\\\"level") {
        return Err(format!("a line of the restore in a message:\n{said}").into());
    }
    fs::write(&bundle, &kept)?;
    holds(&stage.drill(0, &[])?.stdout, &["all proofs passed"])
}

/// Changes the file of a relation while the cluster is stopped, as a bad disk would.
fn damage(stage: &Stage<'_>, relation: &str, change: impl FnOnce(&mut Vec<u8>)) -> TestResult {
    let cluster = &stage.cluster;
    let path = cluster.sql(&format!("select pg_relation_filepath('{relation}')"))?;
    cluster.stop(pgkeep_testkit::cluster::StopMode::Fast)?;
    let path = cluster.data_dir().join(path);
    let mut bytes = fs::read(&path)?;
    change(&mut bytes);
    fs::write(&path, &bytes)?;
    Ok(cluster.start()?)
}

fn pages(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15).data_checksums(true), |made| {
        made
    })?;
    // A backup that does not look at pages: a restore of one that does would be refused.
    let unseen = ["--type=full", "--no-checksum-page", "backup"];
    stage.cluster.sql(
        "create table t as select g from generate_series(1, 5000) g; create index i on t (g)",
    )?;
    // The first page of an index of this kind describes it, the next one has entries.
    damage(&stage, "i", |bytes| bytes[8192 + 4096] ^= 0x10)?;
    stage.run(&unseen)?;
    stage.archive_all()?;
    let wrong = [
        "failed  pg_amcheck: ",
        "failed  page checksums: ",
        "not all proofs passed",
    ];
    let ended = stage.drill(28, &[])?;
    holds(&ended.stdout, &wrong)?;
    holds(&ended.stdout, &["ok      rows: all can be read"])?;
    damage(&stage, "t", |bytes| bytes[8192 + 4096] ^= 0x10)?;
    stage.run(&unseen)?;
    let ended = stage.drill(57, &[])?;
    holds(&ended.stdout, &wrong)?;
    holds(&ended.stdout, &["failed  rows: database 'postgres': "])
}

fn row(program: &Program) -> TestResult {
    let stage = Stage::new(
        program,
        Cluster::builder(15).data_checksums(false),
        |made| made,
    )?;
    stage.cluster.sql(
        "create table r (a text compression pglz); insert into r values (repeat('needle', 1000))",
    )?;
    // The length of the value before it was compressed stands before the first byte that says how.
    damage(&stage, "r", |bytes| {
        let at = bytes.windows(6).position(|part| part == b"needle");
        bytes[at.expect("the row is on the disk") - 5] ^= 1;
    })?;
    stage.run(&["--type=full", "backup"])?;
    stage.archive_all()?;
    holds(
        &stage.drill(57, &[])?.stdout,
        &[
            "failed  rows: database 'postgres': ",
            "compressed pglz data is corrupt",
            "skipped page checksums: the cluster has none",
            "not all proofs passed",
        ],
    )
}

fn new_tablespace(program: &Program) -> TestResult {
    let mut majors = vec![15];
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        // Before 14 the directory of the original would be removed.
        majors.push(12);
    }
    for major in majors {
        let stage = Stage::new(program, Cluster::builder(major), |made| made)?;
        stage.run(&["--type=full", "backup"])?;
        let space = stage.cluster.scratch().make_dir("space")?;
        let create = format!("create tablespace late location '{}'", space.display());
        stage.cluster.sql(&create)?;
        stage
            .cluster
            .sql("create table t tablespace late as select g from generate_series(1, 1000) g")?;
        stage.archive_all()?;
        let ended = stage.drill(76, &[])?;
        holds(
            &ended.stdout,
            &["creates a tablespace in", "make a new backup"],
        )?;
        // Nothing of the original has been touched: its pages are read from the disk.
        stage
            .cluster
            .stop(pgkeep_testkit::cluster::StopMode::Fast)?;
        stage.cluster.start()?;
        let rows = stage.cluster.sql("select count(*) from t")?;
        if rows != "1000" {
            return Err(format!("the original has {rows} rows").into());
        }
        // A new backup has it.
        stage.run(&["--type=full", "backup"])?;
        stage.drill(0, &[])?;
    }
    Ok(())
}
