//! Faults of the cluster: its settings, its archiver, its absence.

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use super::report::Report;
use super::{archive_all, backed_up, builder, variant};
use crate::stage::Stage;

/// Sets something that needs no restart, and waits until the server has taken notice.
fn set(stage: &Stage<'_>, name: &str, value: &str) -> TestResult {
    stage.cluster.append_setting(name, value)?;
    stage.cluster.reload()?;
    Ok(stage.cluster.wait_for_sql(&format!("show {name}"), value)?)
}

fn restarted(stage: &Stage<'_>, name: &str, value: &str) -> TestResult {
    stage.cluster.append_setting(name, value)?;
    stage.cluster.stop(StopMode::Fast)?;
    Ok(stage.cluster.start()?)
}

pub fn cluster(program: &Program) -> TestResult {
    let stage = backed_up(program, builder(17).data_checksums(false), &[])?;
    let look = || Report::of(&stage, &["--stanza=main"]);
    let report = look()?;
    report.must_be(&[], &[])?;
    report.says("data-checksums", &["off", "pg_checksums --enable"])?;
    crate::stage::same(
        "notes",
        "data-checksums",
        &report.with_result("note").join(" "),
    )?;

    set(&stage, "archive_timeout", "0")?;
    let report = look()?;
    report.must_be(&[], &[])?;
    report.says("archive-timeout", &["alter system set archive_timeout"])?;
    set(&stage, "archive_timeout", "1h")?;

    set(&stage, "full_page_writes", "off")?;
    look()?.must_be(&[], &["full-page-writes"])?;
    set(&stage, "full_page_writes", "on")?;

    let right = stage.cluster.sql("show archive_command")?;
    for (command, fail, warn) in [
        ("HIDDEN=x true %p", &["archive-command"][..], &[][..]),
        (
            "pgbackrest --stanza=other archive-push %p",
            &["archive-command"],
            &[],
        ),
        (
            "pgkeep --stanza=main archive-push %p",
            &[],
            &["archive-command"],
        ),
    ] {
        set(&stage, "archive_command", command)?;
        let report = look()?;
        report.must_be(fail, warn)?.says(
            "archive-command",
            &["pgbackrest --stanza=main archive-push %p"],
        )?;
        if report.0.to_string().contains("HIDDEN") {
            return Err("archive_command was shown".into());
        }
    }

    // The archiver fails.
    set(
        &stage,
        "archive_command",
        "false pgbackrest --stanza=main %p",
    )?;
    stage.cluster.sql("create table t (n int)")?;
    stage.cluster.sql("select pg_switch_wal()")?;
    // Times are compared in whole seconds.
    stage.cluster.wait_for_sql(
        "select coalesce(last_failed_time > last_archived_time + interval '1 second', false) from pg_stat_archiver",
        "t",
    )?;
    look()?
        .must_be(&["archiver"], &[])?
        .says("archiver", &["failed", "pgkeep --stanza=main check"])?;
    set(&stage, "archive_command", &right)?;
    archive_all(&stage)?;
    look()?.must_be(&[], &[])?;

    // As it is when a restore-table was killed.
    let left = "\"then.unfinished\"";
    stage.cluster.sql(&format!("create database {left}"))?;
    stage.cluster.sql(&format!(
        "comment on database {left} is 'pgkeep restore-table: not complete, run 1'"
    ))?;
    look()?
        .must_be(&[], &["left-database"])?
        .says("left-database", &["then.unfinished", "drop database"])?;
    stage.cluster.sql(&format!("drop database {left}"))?;

    restarted(&stage, "archive_mode", "off")?;
    look()?.must_be(&["archive-mode"], &[])?;
    stage.cluster.append_setting("max_wal_senders", "0")?;
    restarted(&stage, "wal_level", "minimal")?;
    look()?.must_be(&["archive-mode", "wal-level"], &[])?;
    Ok(())
}

pub fn down_and_other(program: &Program) -> TestResult {
    let stage = backed_up(program, builder(15), &[])?;
    let other = builder(15)
        .own_system_id()
        .setting("archive_mode", "on")
        .setting("archive_command", "true pgbackrest --stanza=main %p")
        .start()?;
    let config = variant(&stage, |made| made.cluster("main", &other))?;
    let report = Report::with(&stage, &config, &["--stanza=main"])?;
    let control = other.sql("select system_identifier from pg_control_system()")?;
    report
        .must_be(&["system-id"], &[])?
        .says("system-id", &[&control, "stanza-upgrade"])?;
    // Directory of one, server of the other.
    let config = variant(&stage, |made| {
        made.stanza("main", "pg1-socket-path", other.socket_dir().display())
    })?;
    Report::with(&stage, &config, &["--stanza=main"])?
        .must_be(&["cluster"], &[])?
        .says("cluster", &["pg1-path and pg1-port"])?;

    stage.cluster.stop(StopMode::Fast)?;
    let report = Report::of(&stage, &["--stanza=main"])?;
    report
        .must_be(&["cluster"], &[])?
        .says("cluster", &["start the server"])?;
    // What is on disk was compared all the same.
    crate::stage::same(
        "system-id",
        "ok",
        report.finding("system-id")?["result"]
            .as_str()
            .unwrap_or(""),
    )?;
    let missing = stage.cluster.scratch().join("nowhere");
    let config = variant(&stage, |made| {
        made.stanza("main", "pg1-path", missing.display())
    })?;
    Report::with(&stage, &config, &["--stanza=main"])?.must_be(&["cluster"], &[])?;
    let standby = standby_of(&stage)?;
    let config = variant(&stage, |made| made.cluster("main", &standby))?;
    let report = Report::with(&stage, &config, &["--stanza=main"])?;
    report.must_be(&[], &[])?;
    crate::stage::same("notes", "cluster", &report.with_result("note").join(" "))
}

/// A restored copy that stays in recovery.
fn standby_of(stage: &Stage<'_>) -> crate::stage::Result<Cluster> {
    let copy = stage.restore("standby", &["--type=standby"])?;
    let standby = Cluster::at(stage.cluster.major(), copy, true)?;
    standby.start()?;
    standby.wait_for_sql("select pg_is_in_recovery()", "t")?;
    Ok(standby)
}
