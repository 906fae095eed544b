//! A full backup under load on every version, with unusual segment sizes and without page checksums.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, ClusterBuilder, Load, StopMode};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::Stage;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for major in [12, 15, 17, 18] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("pg{major}_is_backed_up_while_it_is_written_to"),
            move || under_load(&program, Cluster::builder(major), &[("process-max", "2")]),
        );
    }
    let zst = &[("compress-type", "zst")];
    for (name, builder) in [
        (
            "segments_of_64_mib",
            Cluster::builder(17).wal_segment_mib(64),
        ),
        (
            "a_cluster_without_page_checksums",
            Cluster::builder(15).data_checksums(false),
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(format!("{name}_work"), move || {
            under_load(&program, builder, zst)
        });
    }
    let beside = Arc::clone(program);
    suite = suite.test(
        "archiving_goes_on_beside_backups_expiry_and_restores",
        move || everything_at_once(&beside),
    );
    let program = Arc::clone(program);
    suite.test(
        "two_repositories_both_get_wal_and_hold_backups",
        move || two_repositories(&program),
    )
}

fn under_load(program: &Program, builder: ClusterBuilder, options: &[(&str, &str)]) -> TestResult {
    let stage = Stage::new(program, builder, options)?;
    stage.run(&["check"])?;
    let load = Load::start(&stage.cluster)?;
    load.wait_for(50)?;
    let before = load.committed();
    stage.run(&["--type=full", "backup"])?;
    load.wait_for(before + 20)?;
    let total = load.stop()?;
    stage.archive_all()?;
    let expected = stage
        .cluster
        .sql("select count(*), sum(hashtext(filler)::bigint) from load")?;
    let with_checksums = stage.cluster.sql("show data_checksums")?;
    let copy = stage.restore("copy", &[])?;
    let restored = stage.start(&copy)?;
    crate::stage::same(
        "rows",
        &expected,
        &restored.sql("select count(*), sum(hashtext(filler)::bigint) from load")?,
    )?;
    crate::stage::same(
        "transactions",
        &total.to_string(),
        &restored.sql("select max(id) from load")?,
    )?;
    // pg_amcheck came with 14.
    if stage.cluster.major() >= 14 {
        restored.check_structures()?;
    }
    restored.stop(StopMode::Fast)?;
    if with_checksums == "on" {
        Ok(restored.check_pages()?)
    } else {
        Ok(())
    }
}

/// A server under load archives to two repositories in the background; meanwhile both get backups, lose old ones with
/// their WAL, and are restored from.
fn everything_at_once(program: &Program) -> TestResult {
    let other = pgkeep_testkit::scratch::Scratch::new()?;
    let path = other.make_dir("repo2")?;
    let options = [
        ("repo1-retention-full", "1"),
        ("repo2-path", path.to_str().unwrap_or_default()),
        ("repo2-retention-full", "1"),
        ("archive-async", "y"),
        ("process-max", "2"),
        ("compress-type", "lz4"),
    ];
    let stage = Stage::new(program, Cluster::builder(17), &options)?;
    stage.run(&["--repo=1", "--type=full", "backup"])?;
    stage.run(&["--repo=2", "--type=full", "backup"])?;
    let load = Load::start(&stage.cluster)?;
    for round in 0..2 {
        for (backup, restore) in [("--repo=1", "--repo=2"), ("--repo=2", "--repo=1")] {
            let before = load.committed();
            let name = format!("copy{round}{}", &restore[7..]);
            std::thread::scope(|scope| -> TestResult {
                let restoring = scope.spawn(|| {
                    let arguments = [restore, "--type=immediate"];
                    stage
                        .restore(&name, &arguments)
                        .map_err(|error| error.to_string())
                });
                stage.run(&[backup, "--type=full", "backup"])?;
                restoring.join().map_err(|_| "the restore panicked")??;
                Ok(())
            })?;
            load.wait_for(before + 20)?;
        }
    }
    let total = load.stop()?;
    stage.archive_all()?;
    for repo in ["--repo=1", "--repo=2"] {
        stage.run(&[repo, "verify"])?;
        let copy = stage.restore(&format!("last{}", &repo[7..]), &[repo])?;
        let restored = stage.start(&copy)?;
        let found = restored.sql("select max(id) from load")?;
        crate::stage::same(repo, &total.to_string(), &found)?;
    }
    Ok(())
}

fn two_repositories(program: &Program) -> TestResult {
    let other = pgkeep_testkit::scratch::Scratch::new()?;
    let path = other.make_dir("repo2")?;
    let options = [
        ("repo2-path", path.to_str().unwrap_or_default()),
        ("repo2-retention-full", "2"),
        ("compress-type", "lz4"),
    ];
    let stage = Stage::new(program, Cluster::builder(15), &options)?;
    stage.run(&["check"])?;
    stage
        .cluster
        .sql("create table t as select generate_series(1, 1000) n")?;
    stage.run(&["--repo=2", "--type=full", "backup"])?;
    stage.run(&["--repo=1", "--type=full", "backup"])?;
    for repo in ["--repo=1", "--repo=2"] {
        let copy = stage.restore(&format!("copy{}", &repo[7..]), &[repo])?;
        let restored = stage.start(&copy)?;
        crate::stage::same("rows", "1000", &restored.sql("select count(*) from t")?)?;
    }
    Ok(())
}
