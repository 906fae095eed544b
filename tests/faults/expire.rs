//! Faults in expire, on a repository with the backups and the WAL of a real cluster.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::original::Original;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::point::{Fault, points};
use crate::stage::{Result, Stage};

const EXPIRE: [&str; 2] = ["--repo1-retention-full=1", "expire"];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (fault, what) in [(Fault::Kill, "is_killed_in"), (Fault::Error, "fails_in")] {
        let program = Arc::clone(program);
        let name = format!("when_a_storage_operation_{what}_expire_the_next_one_ends_its_work");
        suite = suite.test(name, move || visit(&program, fault));
    }
    suite
}

fn visit(program: &Program, fault: Fault) -> TestResult {
    let original = Original::mandatory()?;
    let cluster = Cluster::builder(15)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let scratch = cluster.scratch();
    let config = Configuration::new(scratch)?
        .global("repo1-retention-full", 9)
        .global("log-level-file", "off")
        .global("compress-type", "lz4")
        .cluster("main", &cluster)
        .write(scratch, "pgbackrest.conf")?;
    let push = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        original.path().display(),
        config.display()
    );
    cluster.append_setting("archive_command", &push)?;
    let stage = Stage {
        program,
        original,
        scratch,
        config,
    };
    cluster.start()?;
    stage.theirs(&["stanza-create"])?.success()?;
    for kind in ["full", "incr", "full", "diff", "full"] {
        stage
            .theirs(&[&format!("--type={kind}"), "backup"])?
            .success()?;
        cluster.sql("select pg_switch_wal()")?;
    }
    cluster.stop(StopMode::Fast)?;
    stage.save()?;
    let operations = stage.count(&EXPIRE)?;
    let whole = Snapshot::of(&scratch.join("repo"), &Ignore::nothing())?;
    let points = points(fault, operations);
    for point in &points {
        visit_point(&stage, fault, point, &whole)
            .map_err(|error| format!("{point} of {operations}: {error}"))?;
    }
    println!(
        "faults, expire {fault:?}: {} of {operations} operations",
        points.len()
    );
    Ok(())
}

/// After the fault all is valid, and a second run ends where an undisturbed one does.
fn visit_point(stage: &Stage<'_>, fault: Fault, point: &str, whole: &Snapshot) -> Result<()> {
    stage.reset()?;
    let outcome = stage.ours_with_fault(point, &EXPIRE)?;
    match fault {
        Fault::Kill => Stage::was_killed(&outcome)?,
        Fault::Error => {
            if let Some(struck) = Stage::ended_with_error(&outcome)? {
                println!("{point} did no harm: {struck}");
            }
        }
    }
    stage
        .is_valid()
        .map_err(|error| format!("after the fault: {error}"))?;
    stage.ours(&EXPIRE)?.success()?;
    stage
        .is_valid()
        .map_err(|error| format!("after the second run: {error}"))?;
    whole.must_equal(&Snapshot::of(
        &stage.scratch.join("repo"),
        &Ignore::nothing(),
    )?)?;
    stage.theirs(&EXPIRE)?.success()?;
    Ok(())
}
