//! Locks: the two programs exclude each other, and `info` of either shows what the other is doing.

use std::process::Stdio;
use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::Stage;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (ours, theirs, stopped) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test(
            "pgbackrest_is_locked_out_by_our_backup_and_sees_it",
            move || excluded(&ours, true),
        )
        .test(
            "we_are_locked_out_by_a_backup_of_pgbackrest_and_see_it",
            move || excluded(&theirs, false),
        )
        .test(
            "check_of_a_stopped_stanza_says_so_and_waits_for_nothing",
            move || check_stopped(&stopped),
        )
}

/// A backup that waits for an archive that does not work holds the lock while the other program tries.
fn excluded(program: &Program, ours_first: bool) -> TestResult {
    let pgbackrest = PgBackRest::mandatory()?;
    let stage = Stage::new(program, Cluster::builder(15), &[("archive-timeout", "600")])?;
    stage
        .cluster
        .append_setting("archive_command", "false # pgbackrest")?;
    stage.cluster.reload()?;
    let config = format!("--config={}", stage.config.display());
    let mut theirs = pgbackrest.command();
    theirs.args([config.as_str(), "--stanza=main"]);
    let mut ours = stage.command();
    let (first, second) = if ours_first {
        (&mut ours, &mut theirs)
    } else {
        (&mut theirs, &mut ours)
    };
    let mut running = first
        .args(["--type=full", "backup"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let result = while_running(&stage, second, &pgbackrest, &config);
    std::process::Command::new("kill")
        .arg("-TERM")
        .arg(running.id().to_string())
        .status()?;
    let status = running.wait()?;
    result?;
    crate::stage::same("exit code", "Some(63)", &format!("{:?}", status.code()))
}

fn while_running(
    stage: &Stage<'_>,
    second: &mut std::process::Command,
    pgbackrest: &PgBackRest,
    config: &str,
) -> TestResult {
    let lock = stage.cluster.scratch().join("lock/main-backup-1.lock");
    let held = || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains("execId"));
    let began = std::time::Instant::now();
    while !held() {
        if began.elapsed().as_secs() > 60 {
            return Err("the lock was never taken".into());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let refused = run(second.args(["--type=full", "backup"]))?.expect_code(50)?;
    if !refused.stdout.contains("unable to acquire lock on file")
        || !refused.stdout.contains("HINT: ")
    {
        return Err(format!("no explanation in:\n{}", refused.stdout).into());
    }
    // pgBackRest's own message stays as it is; ours says who, since when and what to do.
    if !second
        .get_program()
        .to_string_lossy()
        .contains("pgbackrest")
    {
        let text = std::fs::read_to_string(&lock)?;
        let pid = text.split("\"pid\":").nth(1).unwrap_or_default();
        let pid = pid
            .trim_end_matches('}')
            .split(',')
            .next()
            .unwrap_or_default();
        for part in [
            &format!("HINT: process {pid} holds the lock: backup, started by "),
            ", running since 20",
            &format!("HINT: wait until it has ended, or end it with 'kill {pid}'."),
        ] {
            if !refused.stdout.contains(part) {
                return Err(format!("no '{part}' in:\n{}", refused.stdout).into());
            }
        }
    }
    let shown = [
        stage.run(&["info"])?,
        run(pgbackrest.command().args([config, "--stanza=main", "info"]))?.success()?,
    ];
    for info in shown {
        if !info.stdout.contains("backup/expire running") {
            return Err(format!(
                "the running backup is not shown by {}:\n{}",
                info.command, info.stdout
            )
            .into());
        }
    }
    Ok(())
}

fn check_stopped(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), &[])?;
    stage.run(&["stop"])?;
    let switched = "select pg_walfile_name(pg_current_wal_lsn())";
    let before = stage.cluster.sql(switched)?;
    let refused = stage
        .outcome(&["--archive-timeout=3", "check"])?
        .expect_code(62)?;
    for part in [
        "stop file exists for stanza main",
        "HINT: run the 'start' command",
    ] {
        if !refused.stdout.contains(part) {
            return Err(format!("no '{part}' in:\n{}", refused.stdout).into());
        }
    }
    crate::stage::same("segment", &before, &stage.cluster.sql(switched)?)?;
    stage.run(&["start"])?;
    stage.run(&["check"]).map(drop)
}
