//! Signals: a run stops within seconds wherever it waits, and the next one succeeds.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, same};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, signal, major) in [
        ("sigterm", "TERM", 15),
        ("sigint", "INT", 12),
        ("sighup", "HUP", 18),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("{name}_ends_a_backup_that_waits_for_a_checkpoint"),
            move || waiting_for_checkpoint(&program, signal, major),
        );
    }
    let program = Arc::clone(program);
    suite.test(
        "sigterm_ends_a_backup_that_waits_for_the_archive",
        move || waiting_for_archive(&program),
    )
}

fn waiting_for_checkpoint(program: &Program, signal: &str, major: u32) -> TestResult {
    let builder = Cluster::builder(major)
        .setting("checkpoint_timeout", "1h")
        .setting("checkpoint_completion_target", "0.9");
    let stage = Stage::new(program, builder, &[("start-fast", "n")])?;
    // Enough dirty pages that a spread checkpoint takes very long.
    stage
        .cluster
        .sql("create table t as select g, repeat('x', 500) from generate_series(1, 20000) g")?;
    let child = start(&stage, &["--type=full", "backup"])?;
    let waiting = "select count(*) > 0 from pg_stat_activity where query ~ 'pg_(backup_start|start_backup)' and state = 'active' and application_name ~ 'backup'";
    stage.cluster.wait_for_sql(waiting, "t")?;
    ends_with_term(child, signal)?;
    let left = "select count(*) from pg_stat_activity where application_name ~ 'pgBackRest'";
    stage.cluster.wait_for_sql(left, "0")?;
    no_lock_left(&stage)?;
    stage.run(&["--type=full", "--start-fast", "backup"])?;
    Ok(())
}

fn waiting_for_archive(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(17), &[("archive-timeout", "600")])?;
    stage
        .cluster
        .append_setting("archive_command", "false # pgbackrest")?;
    stage.cluster.reload()?;
    let mut child = start(
        &stage,
        &["--type=full", "--log-level-console=info", "backup"],
    )?;
    // The stop of the backup is over when its session has gone; then only the archive is waited for.
    wait_for_output(&mut child, "check archive for")?;
    ends_with_term(child, "TERM")?;
    no_lock_left(&stage)?;
    let command = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.link().display(),
        stage.config.display()
    );
    stage.cluster.append_setting("archive_command", &command)?;
    stage.cluster.reload()?;
    let again = stage.run(&["--type=full", "backup"])?;
    // What was started is either taken up again or removed; both are said.
    let _ = again;
    same(
        "backups",
        "1",
        &stage
            .run(&["info"])?
            .stdout
            .matches("full backup: ")
            .count()
            .to_string(),
    )
}

fn start(stage: &Stage<'_>, arguments: &[&str]) -> Result<Child> {
    Ok(stage
        .command()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?)
}

fn wait_for_output(child: &mut Child, text: &str) -> TestResult {
    use std::io::{BufRead, BufReader};
    let stdout = child.stdout.take().ok_or("stdout is piped")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        let line = line?;
        let found = line.contains(text);
        seen.push(line);
        if found {
            // Somebody must read on, or the pipe fills.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
    }
    Err(format!("'{text}' was not printed:\n{}", seen.join("\n")).into())
}

/// The process must end with 63 soon after the signal: well before its timeouts.
fn ends_with_term(mut child: Child, signal: &str) -> TestResult {
    std::process::Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(child.id().to_string())
        .status()?;
    let asked = Instant::now();
    while child.try_wait()?.is_none() {
        if asked.elapsed() > Duration::from_secs(60) {
            child.kill()?;
            child.wait()?;
            return Err("still running a minute after the signal".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let code = child.wait()?.code();
    same("exit code", "Some(63)", &format!("{code:?}"))
}

fn no_lock_left(stage: &Stage<'_>) -> TestResult {
    let left: Vec<_> = std::fs::read_dir(stage.cluster.scratch().join("lock"))?.collect();
    same("lock files", "0", &left.len().to_string())
}
