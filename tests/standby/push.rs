//! Two nodes of one cluster that archive to the same stanza: after a failover, or with `archive_mode=always`.

use std::fs;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, Who, says, says_not};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "a_segment_from_two_nodes_is_stored_once_and_another_one_of_its_name_is_refused",
        move || pushed(&program),
    )
}

fn pushed(program: &Program) -> TestResult {
    let stage = Stage::new(program, 18, &[])?;
    stage
        .primary
        .sql("create table t as select generate_series(1, 1000) g")?;
    let segment = stage
        .primary
        .sql("select pg_walfile_name(pg_switch_wal())")?;
    stage.primary.sql("insert into t values (0)")?;
    stage.primary.wait_for_sql(
        &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
        "t",
    )?;
    stage.primary.wait_for_replay(&stage.standby)?;
    let path = format!("--pg1-path={}", stage.standby_dir().display());
    let own = stage.standby_dir().join("pg_wal").join(&segment);
    let own_path = own.display().to_string();
    let exists = format!("WAL file '{segment}' already exists in the repo1 archive");
    // Whoever says that two nodes may archive is not told of it each time.
    let silent = [
        path.as_str(),
        "--no-archive-mode-check",
        "archive-push",
        own_path.as_str(),
    ];
    let warned = [path.as_str(), "archive-push", own_path.as_str()];
    for who in [Who::Theirs, Who::Ours, Who::Keep] {
        let told = stage.run(who, &silent)?.stdout;
        says_not(&told, &["WARN", &exists])?;
        let told = stage.run(who, &warned)?.stdout;
        says(
            &told,
            &[
                &format!("WARN: {exists} with the same checksum"),
                "HINT: this is valid in some recovery scenarios but may also indicate a problem.",
            ],
        )?;
    }
    let stored = || -> Result<usize> {
        let told = stage.run(Who::Ours, &["--recurse", "repo-ls", "archive/main"])?;
        Ok(told.stdout.matches(&segment).count())
    };
    if stored()? != 1 {
        return Err("the segment is stored once".into());
    }
    // Two that both accepted writes.
    let mut bytes = fs::read(&own)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let torn = stage
        .primary
        .scratch()
        .write(&segment, &bytes)?
        .display()
        .to_string();
    for who in [Who::Theirs, Who::Ours, Who::Keep] {
        for more in ["--archive-mode-check", "--no-archive-mode-check"] {
            let refused = stage
                .outcome(who, &[&path, more, "archive-push", &torn])?
                .expect_code(45)?;
            says(
                &refused.stdout,
                &[&format!("ERROR: [045]: {exists} with a different checksum")],
            )?;
        }
    }
    if stored()? != 1 {
        return Err("the segment is stored once, as it was".into());
    }
    Ok(())
}
