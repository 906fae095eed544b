//! Archiving after a promotion: a history file stands in the queue before the segments of the new timeline.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage};

const HISTORY: &str = "00000002.history";

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "the_limit_of_the_queue_holds_after_a_promotion",
        move || limit_holds(&program),
    )
}

fn wal(stage: &Stage<'_>) -> PathBuf {
    stage.cluster.data_dir().join("pg_wal")
}

/// Files that wait to be archived.
fn ready(stage: &Stage<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(wal(stage).join("archive_status"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".ready").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn set(stage: &Stage<'_>, archive_command: &str) -> TestResult {
    stage
        .cluster
        .append_setting("archive_command", archive_command)?;
    Ok(())
}

fn switch(stage: &Stage<'_>, times: usize) -> TestResult {
    for _ in 0..times {
        let sql = "select pg_logical_emit_message(false, 'x', 'x'); select pg_switch_wal()";
        stage.cluster.sql(sql)?;
    }
    Ok(())
}

fn limit_holds(program: &Program) -> TestResult {
    let options = [("archive-push-queue-max", "4MiB")];
    let stage = Stage::new(program, Cluster::builder(15), &options)?;
    stage.run(&["check"])?;
    stage.cluster.stop(StopMode::Fast)?;
    set(&stage, "false")?;
    stage.cluster.scratch().write("data/standby.signal", "")?;
    stage.cluster.start()?;
    stage.cluster.sql("select pg_promote()")?;
    let push = |file: &str| {
        let path = wal(&stage).join(file).display().to_string();
        stage.outcome(&["archive-push", &path])
    };
    // What was left of the old timeline is archived as ever.
    for file in ready(&stage)? {
        if file.starts_with("00000001") {
            push(&file)?.success()?;
            let status = wal(&stage).join("archive_status");
            fs::rename(
                status.join(format!("{file}.ready")),
                status.join(format!("{file}.done")),
            )?;
        }
    }
    switch(&stage, 3)?;
    let waiting = ready(&stage)?;
    if waiting.first().is_none_or(|first| first != HISTORY) || waiting.len() != 4 {
        return Err(format!("this is no queue after a promotion: {waiting:?}").into());
    }
    let outcome = push(&waiting[1])?.success()?;
    if outcome.stdout.contains("dropped") {
        return Err(format!("3 MiB are below the limit\n{}", outcome.stdout).into());
    }
    switch(&stage, 3)?;
    for file in [HISTORY, &waiting[2]] {
        let outcome = push(file)?.success()?;
        let dropped = format!("dropped WAL file '{file}' because archive queue exceeded 4MB");
        if !outcome.stdout.contains(&dropped) {
            return Err(format!("no word of '{dropped}' in\n{}", outcome.stdout).into());
        }
    }
    // PostgreSQL itself, with the background process: nothing keeps waiting.
    let command = format!(
        "{} --config={} --stanza=main --archive-async --archive-push-queue-max=1MiB archive-push \"%p\"",
        program.link().display(),
        stage.config.display()
    );
    let last = ready(&stage)?.pop().ok_or("nothing is ready")?;
    set(&stage, &command)?;
    stage.cluster.reload()?;
    let archived = format!("select last_archived_wal >= '{last}' from pg_stat_archiver");
    stage.cluster.wait_for_sql(&archived, "t")?;
    let dropped = format!("dropped WAL file '{last}' because archive queue exceeded 1MB");
    if !stage.cluster.log_text().contains(&dropped) {
        return Err(format!("no word of '{dropped}' in the server's log").into());
    }
    Ok(())
}
