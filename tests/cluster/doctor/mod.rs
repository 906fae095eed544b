//! `doctor` on real clusters: one in good health gives nothing to mend, and each fault made on purpose is found alone.

mod mounts;
mod places;
mod report;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, ClusterBuilder};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage};
use report::Report;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Test = fn(&Program) -> TestResult;
    for major in [12, 18] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("doctor_finds_a_healthy_cluster_of_pg{major}_in_order"),
            move || healthy(&program, major),
        );
    }
    for (name, test) in [
        (
            "doctor_finds_each_fault_of_the_cluster_alone",
            settings::cluster as Test,
        ),
        (
            "doctor_finds_a_cluster_that_is_down_or_another_one",
            settings::down_and_other,
        ),
        (
            "doctor_finds_each_fault_of_a_repository_alone",
            places::repository,
        ),
        (
            "doctor_finds_each_fault_of_the_configuration_alone",
            places::configuration,
        ),
        (
            "doctor_keeps_secrets_and_finds_who_could_read_them",
            places::secrets,
        ),
        (
            "doctor_looks_at_an_sftp_repository_in_few_round_trips",
            places::sftp,
        ),
        (
            "doctor_suspects_a_repository_that_is_not_mounted",
            mounts::unmounted,
        ),
        (
            "doctor_looks_at_the_others_when_a_stanza_and_a_repository_are_dead",
            places::several,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    let program = Arc::clone(program);
    suite.test("doctor_does_not_exist_as_pgbackrest", move || {
        let refused = program.run_as_pgbackrest(["doctor"])?.expect_code(48)?;
        match (refused.stdout + &refused.stderr).contains("invalid command 'doctor'") {
            true => Ok(()),
            false => Err("refused for another reason".into()),
        }
    })
}

/// Segments end only where a test ends them: the next hour is far.
fn builder(major: u32) -> ClusterBuilder {
    Cluster::builder(major).setting("archive_timeout", "1h")
}

/// A cluster with a full backup, all of its WAL archived.
fn backed_up<'a>(
    program: &'a Program,
    builder: ClusterBuilder,
    options: &[(&str, &str)],
) -> Result<Stage<'a>> {
    let stage = Stage::new(program, builder, options)?;
    stage.run(&["--type=full", "backup"])?;
    archive_all(&stage)?;
    Ok(stage)
}

/// Ends a segment that holds something, so that there is one to archive and the archiver is woken.
fn archive_all(stage: &Stage<'_>) -> TestResult {
    stage
        .cluster
        .sql("select pg_logical_emit_message(true, 'doctor', 'x')")?;
    stage.archive_all()
}

/// Another configuration for the stage: what it has, changed.
fn variant(
    stage: &Stage<'_>,
    change: impl FnOnce(Configuration) -> Configuration,
) -> Result<PathBuf> {
    let scratch = stage.cluster.scratch();
    let made = Configuration::new(scratch)?
        .global("repo1-retention-full", 9)
        .cluster("main", &stage.cluster);
    Ok(change(made).write(scratch, "variant.conf")?)
}

fn healthy(program: &Program, major: u32) -> TestResult {
    let stage = backed_up(program, builder(major), &[])?;
    for arguments in [&["--stanza=main"][..], &[]] {
        let report = Report::of(&stage, arguments)?;
        report.must_be(&[], &[])?;
        let rest = [report.with_result("note"), report.with_result("not tested")].concat();
        if !rest.is_empty() {
            return Err(format!("{rest:?}:\n{:#}", report.0).into());
        }
    }
    // Nothing is left, nothing is written into the log directory, and people are told the same.
    let left = std::fs::read_dir(stage.cluster.scratch().join("repo"))?
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|name| name != "archive" && name != "backup")
        .count();
    crate::stage::same("files left", "0", &left.to_string())?;
    let log = stage.cluster.scratch().join("log/main-doctor.log");
    if log.exists() {
        return Err("a log file was written".into());
    }
    // What is in order is only counted; free space of this machine may be a finding.
    let short = run(stage.command().arg("doctor"))?.stdout;
    if short.contains("archive_mode") || !short.contains("(--verbose shows these)") {
        return Err(format!("rows that are in order:\n{short}").into());
    }
    let text = run(stage.command().args(["--verbose", "doctor"]))?.stdout;
    for part in ["0 failed, ", "archive_mode", "main pg1", "main repo1"] {
        if !text.contains(part) {
            return Err(format!("no '{part}' in:\n{text}").into());
        }
    }
    Ok(())
}
