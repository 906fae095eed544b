//! Faults in backups of a running cluster with two workers: bundles, blocks, archive and the expire that follows.
//!
//! Nothing is reset between two points: the repository and the cluster live on. Two workers do not work in one order, so the
//! n-th operation is another one each time, and a run may be over before it; such a point counts for nothing.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::point::{Fault, points};
use crate::stage::{Result, Stage};

/// Every so many points the last backup is restored and started.
const RESTORE_EVERY: usize = 7;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (fault, what) in [(Fault::Kill, "is_killed_in"), (Fault::Error, "fails_in")] {
        let program = Arc::clone(program);
        let name = format!(
            "when_a_storage_operation_{what}_an_online_backup_the_cluster_and_the_next_backup_are_well"
        );
        suite = suite.test(name, move || visit(&program, fault));
    }
    suite
}

fn visit(program: &Program, fault: Fault) -> TestResult {
    let pgbackrest = PgBackRest::mandatory()?;
    let cluster = Cluster::builder(15)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let scratch = cluster.scratch();
    let config = Configuration::new(scratch)?
        .global("repo1-retention-full", 2)
        .global("log-level-file", "off")
        .global("job-retry", 0)
        .global("process-max", 2)
        .global("compress-type", "zst")
        .global("repo1-bundle", "y")
        .global("repo1-block", "y")
        .cluster("main", &cluster)
        .write(scratch, "pgbackrest.conf")?;
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
        repository: scratch.join("repo"),
        server: None,
    };
    cluster.start()?;
    stage.theirs(&["stanza-create"])?.success()?;
    cluster.sql("create table t as select g, md5(g::text) from generate_series(1, 40000) g")?;
    let mut visited = 0;
    for kind in ["--type=full", "--type=incr"] {
        let arguments = [kind, "backup"];
        let operations = stage.count(&arguments)?;
        // Each of the two kinds gets a part of the sample, and the last operations of a run.
        let points = points(fault, operations, 4);
        for (number, point) in points.iter().enumerate() {
            let place = Place {
                stage: &stage,
                cluster: &cluster,
                number,
            };
            visited += usize::from(
                place
                    .visit(fault, point, &arguments)
                    .map_err(|error| format!("{point} of {operations} in {kind}: {error}"))?,
            );
        }
    }
    println!("faults, online {fault:?}: {visited} points visited");
    cluster.stop(StopMode::Fast)?;
    Ok(())
}

/// One point.
struct Place<'a, 'b> {
    stage: &'a Stage<'b>,
    cluster: &'a Cluster,
    number: usize,
}

impl Place<'_, '_> {
    /// `false`: the run was over before the point.
    fn visit(&self, fault: Fault, point: &str, arguments: &[&str]) -> Result<bool> {
        let (stage, cluster) = (self.stage, self.cluster);
        cluster.sql(
            "update t set md5 = md5(md5) where g % 50 = 0; insert into t values (-1, 'more')",
        )?;
        let outcome = stage.ours_with_fault(point, arguments)?;
        if is_over(point, &outcome)? {
            return Ok(false);
        }
        match fault {
            Fault::Kill => Stage::was_killed(&outcome)?,
            Fault::Error => {
                if let Some(struck) = Stage::ended_with_error(&outcome)? {
                    println!("{point} did no harm: {struck}");
                }
            }
        }
        let after = |step: &'static str| {
            move |error: Box<dyn std::error::Error>| format!("{step}: {error}")
        };
        // The server must not stay in backup mode.
        let sessions =
            "select count(*) from pg_stat_activity where application_name ~ 'pgBackRest'";
        cluster.wait_for_sql(sessions, "0")?;
        stage
            .is_valid_but_for_the_list()
            .map_err(after("after the fault"))?;
        let by_pgbackrest = self.number % 4 == 3;
        let next = if by_pgbackrest {
            stage.theirs(arguments)?
        } else {
            stage.ours(arguments)?
        };
        next.success()?;
        stage.is_valid().map_err(after("after the next backup"))?;
        if self.number.is_multiple_of(RESTORE_EVERY) {
            self.restore().map_err(after("restored"))?;
        }
        stage.has_no_stray_file()?;
        Ok(true)
    }

    fn restore(&self) -> TestResult {
        let scratch = self.stage.scratch;
        let copy = scratch.join("copy");
        if copy.exists() {
            std::fs::remove_dir_all(&copy)?;
        }
        scratch.make_dir("copy")?;
        let path = format!("--pg1-path={}", copy.display());
        self.stage
            .ours(&[
                &path,
                "--type=immediate",
                "--target-action=promote",
                "restore",
            ])?
            .success()?;
        let restored = Cluster::at(15, &copy, false)?;
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        if restored.dump()? != self.cluster.dump()? {
            return Err("the copy differs from its source".into());
        }
        restored.stop(StopMode::Fast)?;
        Ok(restored.check_pages()?)
    }
}

/// Whether a run that ended well had fewer operations than the point's number.
fn is_over(point: &str, outcome: &Outcome) -> Result<bool> {
    let number: u64 = point.rsplit(':').next().unwrap_or_default().parse()?;
    let count = outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("operations: "));
    Ok(match count {
        Some(count) => outcome.code == 0 && count.parse::<u64>()? < number,
        None => false,
    })
}
