//! Faults in expire, on a repository with the backups and the WAL of a real cluster.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::point::{Fault, points};
use crate::stage::{Place, Result, Stage};

const EXPIRE: [&str; 2] = ["--repo1-retention-full=1", "expire"];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for place in [Place::Local, Place::Sftp] {
        for (fault, what) in [(Fault::Kill, "is_killed_in"), (Fault::Error, "fails_in")] {
            let program = Arc::clone(program);
            let name = format!(
                "when_a_storage_operation_{what}_expire{}_the_next_one_ends_its_work",
                place.suffix()
            );
            suite = suite.test(name, move || visit(&program, place, fault));
        }
    }
    suite
}

fn visit(program: &Program, place: Place, fault: Fault) -> TestResult {
    let pgbackrest = PgBackRest::mandatory()?;
    let cluster = Cluster::builder(15)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let scratch = cluster.scratch();
    let made = Configuration::new(scratch)?
        .global("repo1-retention-full", 9)
        .global("log-level-file", "off")
        .global("compress-type", "lz4")
        .cluster("main", &cluster);
    let (made, repository, server) = place.repository(scratch, made)?;
    // Few files over there: both programs read all of them several times for each point.
    let made = match place {
        Place::Local => made,
        Place::Sftp => made.global("repo1-bundle", "y"),
    };
    let config = made.write(scratch, "pgbackrest.conf")?;
    let push = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        pgbackrest.path().display(),
        config.display()
    );
    cluster.append_setting("archive_command", &push)?;
    let stage = Stage {
        program,
        pgbackrest,
        scratch,
        config,
        repository,
        server,
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
    let saved = stage.save()?;
    let operations = stage.count(&EXPIRE)?;
    let whole = published(&stage)?;
    let points = points(fault, operations, place.share());
    for point in &points {
        visit_point(&stage, fault, point, &whole)
            .map_err(|error| format!("{point} of {operations}: {error}"))?;
    }
    stage.saved_is_untouched(&saved)?;
    println!(
        "faults, expire{} {fault:?}: {} of {operations} operations",
        place.suffix(),
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
        .is_valid_but_for_the_list()
        .map_err(|error| format!("after the fault: {error}"))?;
    stage.ours(&EXPIRE)?.success()?;
    stage
        .is_valid()
        .map_err(|error| format!("after the second run: {error}"))?;
    whole.must_equal(&published(stage)?)?;
    stage.theirs(&EXPIRE)?.success()?;
    Ok(())
}

/// The repository without temporary files: each has a name of its own, and stays for a day after a kill.
fn published(stage: &Stage<'_>) -> Result<Snapshot> {
    let ignore = Ignore::nothing().names_ending(".pgbackrest.tmp");
    Ok(Snapshot::of(&stage.repository, &ignore)?)
}
