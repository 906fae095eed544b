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
