//! Recovery to a point: each target type on every version, with the rows that must and must not be there.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, same};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for major in [12, 15, 17, 18] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("pg{major}_is_recovered_to_each_kind_of_target"),
            move || targets(&program, major, None),
        );
    }
    let server = Arc::clone(program);
    suite = suite.test(
        "pg17_is_recovered_to_each_kind_of_target_from_sftp",
        move || targets(&server, 17, Some(SftpServer::builder().start()?)),
    );
    for major in [12, 15, 17, 18] {
        let (again, standby) = (Arc::clone(program), Arc::clone(program));
        suite = suite
            .test(
                format!("pg{major}_recovers_on_either_branch_of_a_fork_of_timelines"),
                move || timelines(&again, major),
            )
            .test(
                format!("pg{major}_standby_streams_and_falls_back_to_the_archive"),
                move || follows(&standby, major),
            );
    }
    let strict = Arc::clone(program);
    suite = suite.test(
        "a_server_with_a_strict_get_stops_when_the_archive_cannot_be_read",
        move || stops(&strict),
    );
    let sets = Arc::clone(program);
    suite.test(
        "the_set_before_a_target_is_found_in_whichever_repository_has_one",
        move || finds_set(&sets),
    )
}

fn targets(program: &Program, major: u32, server: Option<SftpServer>) -> TestResult {
    let builder = Cluster::builder(major).setting("track_commit_timestamp", "on");
    let stage = Stage::with(program, builder, |made| {
        let made = made.global("compress-type", "zst");
        match &server {
            Some(server) => made.sftp(server),
            None => made,
        }
    })?;
    let sql = |text: &str| stage.cluster.sql(text);
    sql("create table t (what text)")?;
    // With its WAL, so that it can be started without recovery settings.
    stage.run(&["--type=full", "--archive-copy", "backup"])?;
    sql("insert into t values ('after backup')")?;
    // A set is chosen by its stop time in whole seconds, strictly before the target.
    let stopped = sql("select date_trunc('second', clock_timestamp())")?;
    stage.cluster.wait_for_sql(
        &format!("select clock_timestamp() >= '{stopped}'::timestamptz + interval '1 s'"),
        "t",
    )?;
    // The commit after the target must have a later time, whatever the clock's resolution.
    let time = sql("select clock_timestamp()")?;
    sql("select pg_sleep(0.01)")?;
    sql("insert into t values ('after time')")?;
    let commit = sql("select pg_xact_commit_timestamp(xmin) from t where what = 'after time'")?;
    sql("select pg_sleep(0.01)")?;
    let xid =
        sql("begin; insert into t values ('the transaction'); select txid_current(); commit;")?;
    sql("insert into t values ('after transaction')")?;
    let lsn = sql("select pg_current_wal_insert_lsn()")?;
    sql("insert into t values ('after lsn')")?;
    sql("select pg_create_restore_point('here')")?;
    sql("insert into t values ('after name')")?;
    stage.archive_all()?;

    let all = [
        "after backup",
        "after time",
        "the transaction",
        "after transaction",
        "after lsn",
        "after name",
    ];
    let mut number = 0;
    for (arguments, rows) in [
        (vec!["--type=immediate".to_owned()], 0),
        (
            vec!["--type=time".to_owned(), format!("--target={time}")],
            1,
        ),
        // To the microsecond: with and without the commit that has the very time.
        (
            vec!["--type=time".to_owned(), format!("--target={commit}")],
            2,
        ),
        (
            vec![
                "--type=time".to_owned(),
                format!("--target={commit}"),
                "--target-exclusive".to_owned(),
            ],
            1,
        ),
        (vec!["--type=xid".to_owned(), format!("--target={xid}")], 3),
        (
            vec![
                "--type=xid".to_owned(),
                format!("--target={xid}"),
                "--target-exclusive".to_owned(),
            ],
            2,
        ),
        (vec!["--type=lsn".to_owned(), format!("--target={lsn}")], 4),
        (
            vec![
                "--type=lsn".to_owned(),
                format!("--target={lsn}"),
                "--target-exclusive".to_owned(),
            ],
            4,
        ),
        (
            vec!["--type=name".to_owned(), "--target=here".to_owned()],
            5,
        ),
        (vec!["--type=default".to_owned()], 6),
        (vec!["--type=none".to_owned()], 0),
    ] {
        number += 1;
        let name = format!("copy{number}");
        let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if !words[0].ends_with("default") && !words[0].ends_with("none") {
            words.push("--target-action=promote");
        }
        let copy = stage.restore(&name, &words)?;
        let restored = stage.start(&copy)?;
        let expected = all[..rows].join(",");
        same(
            &arguments.join(" "),
            &expected,
            &restored.sql("select string_agg(what, ',' order by ctid) from t")?,
        )?;
        restored.stop(StopMode::Immediate)?;
    }
    pauses(&stage, &xid, &all[..3].join(","))?;
    preserves(&stage, &all[..5].join(","))
}

/// Without an action the server stays in recovery at the target, and can be asked.
fn pauses(stage: &Stage<'_>, xid: &str, expected: &str) -> TestResult {
    let copy = stage.restore("paused", &["--type=xid", &format!("--target={xid}")])?;
    let paused = Cluster::at(stage.cluster.major(), &copy, false)?;
    paused.start()?;
    paused.wait_for_sql("select pg_is_wal_replay_paused()", "t")?;
    let rows = paused.sql("select string_agg(what, ',' order by ctid) from t")?;
    same("rows at the pause", expected, &rows)?;
    Ok(paused.stop(StopMode::Immediate)?)
}

/// Recovery settings that were there before are left alone, and followed.
fn preserves(stage: &Stage<'_>, expected: &str) -> TestResult {
    let scratch = stage.cluster.scratch();
    let get = format!(
        "restore_command = '{} --config={} --stanza=main --pg1-path={} archive-get %f \"%p\"'\nrecovery_target_name = 'here'\nrecovery_target_action = 'promote'\n",
        stage.program.link().display(),
        stage.config.display(),
        scratch.join("preserved").display(),
    );
    scratch.make_dir("preserved")?;
    scratch.write("preserved/postgresql.auto.conf", &get)?;
    scratch.write("preserved/recovery.signal", "")?;
    let copy = scratch.join("preserved");
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o700))?;
    stage.restore("preserved", &["--type=preserve"])?;
    same(
        "postgresql.auto.conf",
        &get,
        &std::fs::read_to_string(copy.join("postgresql.auto.conf"))?,
    )?;
    let restored = stage.start(&copy)?;
    same(
        "preserved settings",
        expected,
        &restored.sql("select string_agg(what, ',' order by ctid) from t")?,
    )
}

/// A cluster is promoted to timeline 2, archives, and is restored again on either branch.
fn timelines(program: &Program, major: u32) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(major), &[])?;
    stage.cluster.sql("create table t (what text)")?;
    stage.run(&["--type=full", "backup"])?;
    stage.cluster.sql("insert into t values ('common')")?;
    stage
        .cluster
        .sql("select pg_create_restore_point('fork')")?;
    stage.cluster.sql("insert into t values ('first branch')")?;
    stage.archive_all()?;
    stage.cluster.stop(StopMode::Fast)?;

    let copy = stage.restore(
        "second",
        &["--type=name", "--target=fork", "--target-action=promote"],
    )?;
    let copy_of_second = copy.clone();
    let second = Cluster::at(major, &copy, true)?;
    let push = format!(
        "{} --config={} --stanza=main --pg1-path={} archive-push \"%p\"",
        program.link().display(),
        stage.config.display(),
        copy.display()
    );
    second.append_setting("archive_command", &push)?;
    second.start()?;
    second.wait_for_sql("select pg_is_in_recovery()", "f")?;
    second.sql("insert into t values ('second branch')")?;
    let segment = second.sql("select pg_walfile_name(pg_switch_wal())")?;
    second.wait_for_sql(
        &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
        "t",
    )?;
    second.stop(StopMode::Fast)?;

    let rows =
        |restored: &Cluster| restored.sql("select string_agg(what, ',' order by ctid) from t");
    let (first_branch, second_branch) = ("common,first branch", "common,second branch");
    for (name, arguments, expected) in [
        ("default", &[][..], second_branch),
        ("latest", &["--target-timeline=latest"], second_branch),
        ("two", &["--target-timeline=2"], second_branch),
        ("one", &["--target-timeline=1"], first_branch),
        ("current", &["--target-timeline=current"], first_branch),
    ] {
        let restored = stage.start(&stage.restore(name, arguments)?)?;
        same(name, expected, &rows(&restored)?)?;
        restored.stop(StopMode::Immediate)?;
    }
    // One that does not exist is refused before anything is touched.
    let copy = stage.cluster.scratch().make_dir("three")?;
    let path = format!("--pg1-path={}", copy.display());
    let refused = stage.outcome(&[&path, "--target-timeline=3", "restore"])?;
    let left = std::fs::read_dir(&copy)?.count();
    if refused.code == 0 || !refused.stdout.contains("ERROR: [") || left > 0 {
        return Err(format!(
            "{left} files, exit code {}:\n{}",
            refused.code, refused.stdout
        )
        .into());
    }
    finds_timeline(
        &stage,
        &second,
        &copy_of_second,
        first_branch,
        second_branch,
    )
}

/// With the newest set on timeline 2, one that lies on the timeline that is asked for is found, or named.
fn finds_timeline(
    stage: &Stage<'_>,
    second: &Cluster,
    data: &std::path::Path,
    first_branch: &str,
    second_branch: &str,
) -> TestResult {
    let sets = || {
        let listed = stage.run(&["--output=json", "info"])?.stdout;
        let labels = listed.split("\"label\":\"").skip(1);
        Ok::<_, Box<dyn std::error::Error>>(
            labels
                .filter_map(|rest| rest.split('"').next().map(str::to_owned))
                .collect::<Vec<_>>(),
        )
    };
    second.start()?;
    second.wait_for_sql("select pg_is_in_recovery()", "f")?;
    stage.run(&[
        &format!("--pg1-path={}", data.display()),
        &format!("--pg1-port={}", second.port()),
        &format!("--pg1-socket-path={}", second.socket_dir().display()),
        "--type=full",
        "backup",
    ])?;
    second.stop(StopMode::Fast)?;
    let labels = sets()?;
    let [old, new] = &labels[..] else {
        return Err(format!("not two sets: {labels:?}").into());
    };
    for (name, arguments, expected) in [
        ("new-default", &[][..], second_branch),
        ("new-one", &["--target-timeline=1"], first_branch),
        ("new-two", &["--target-timeline=0x2"], second_branch),
    ] {
        let restored = stage.start(&stage.restore(name, arguments)?)?;
        let rows = restored.sql("select string_agg(what, ',' order by ctid) from t")?;
        same(name, expected, &rows)?;
        restored.stop(StopMode::Immediate)?;
    }
    let copy = stage.cluster.scratch().make_dir("off-line")?;
    let path = format!("--pg1-path={}", copy.display());
    for (arguments, code, wanted) in [
        (
            vec![format!("--set={new}"), "--target-timeline=1".to_owned()],
            58,
            format!(
                "HINT: the newest set on the line of timeline 1 is {old}: restore it with --set={old}"
            ),
        ),
        (
            vec!["--target-timeline=9".to_owned()],
            55,
            "HINT: timeline 9 is not in repo1: it has timelines 1, 2.".to_owned(),
        ),
    ] {
        let mut all = vec![path.as_str()];
        all.extend(arguments.iter().map(String::as_str));
        all.push("restore");
        let refused = stage.outcome(&all)?;
        let left = std::fs::read_dir(&copy)?.count();
        if refused.code != code || !refused.stdout.contains(&wanted) || left > 0 {
            return Err(format!(
                "{left} files, exit code {} but {code} expected, no '{wanted}' in:\n{}",
                refused.code, refused.stdout
            )
            .into());
        }
    }
    Ok(())
}

fn follows(program: &Program, major: u32) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(major), &[])?;
    let primary = &stage.cluster;
    primary.sql("create table t (n int); create role stream login replication")?;
    stage.run(&["--type=full", "backup"])?;
    let connection = format!(
        "--recovery-option=primary_conninfo=host={} port={} user=stream application_name=follower",
        primary.socket_dir().display(),
        primary.port(),
    );
    let copy = stage.restore("standby", &["--type=standby", &connection])?;
    let standby = Cluster::at(major, &copy, false)?;
    standby.start()?;
    let streaming = "select count(*) from pg_stat_replication where state = 'streaming'";
    primary.wait_for_sql(streaming, "1")?;
    // In the segment that is being written, so not in the archive.
    primary.sql("insert into t select generate_series(1, 100)")?;
    standby.wait_for_sql("select count(*) from t", "100")?;

    // The primary lets it in no more: the archive is what is left.
    primary.sql(
        "alter role stream noreplication; select pg_terminate_backend(pid) from pg_stat_replication",
    )?;
    primary.sql("insert into t select generate_series(1, 100)")?;
    stage.archive_all()?;
    standby.wait_for_sql("select count(*) from t", "200")?;
    same("streams", "0", &primary.sql(streaming)?)?;

    primary.sql("alter role stream replication")?;
    primary.wait_for_sql(streaming, "1")?;
    primary.sql("insert into t select generate_series(1, 100)")?;
    standby.wait_for_sql("select count(*) from t", "300")?;
    same(
        "in recovery",
        "t",
        &standby.sql("select pg_is_in_recovery()")?,
    )
}

/// The archive cannot be read when the server starts: it must not take that for the end of it.
fn stops(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), &[])?;
    stage.cluster.sql("create table t (what text)")?;
    stage.run(&["--type=full", "backup"])?;
    stage.cluster.sql("insert into t values ('archived')")?;
    stage.archive_all()?;
    stage.cluster.stop(StopMode::Fast)?;
    let copy = stage.restore("copy", &["--archive-get-strict"])?;
    let archive = stage.cluster.scratch().join("repo/archive/main");
    let set_mode = |mode| std::fs::set_permissions(&archive, std::fs::Permissions::from_mode(mode));
    set_mode(0)?;
    let restored = Cluster::at(15, &copy, false)?;
    let started = restored.start();
    set_mode(0o750)?;
    if started.is_ok() || !restored.log_text().contains("could not restore file") {
        return Err(format!("{started:?}\n{}", restored.log_text()).into());
    }
    drop(restored);
    let restored = stage.start(&copy)?;
    same("rows", "archived", &restored.sql("select what from t")?)
}

/// The first repository has only sets after the target, the second one before it.
fn finds_set(program: &Program) -> TestResult {
    let other = pgkeep_testkit::scratch::Scratch::new()?;
    let path = other.make_dir("repo2")?;
    let options = [
        ("repo2-path", path.to_str().unwrap_or_default()),
        ("repo2-retention-full", "9"),
    ];
    let stage = Stage::new(program, Cluster::builder(15), &options)?;
    let sql = |text: &str| stage.cluster.sql(text);
    sql("create table t (what text)")?;
    let (early, early_lsn) = (
        sql("select clock_timestamp() - interval '1 hour'")?,
        "0/100".to_owned(),
    );
    stage.run(&["--repo=2", "--type=full", "backup"])?;
    sql("insert into t values ('before')")?;
    let stopped = sql("select date_trunc('second', clock_timestamp())")?;
    stage.cluster.wait_for_sql(
        &format!("select clock_timestamp() >= '{stopped}'::timestamptz + interval '1 s'"),
        "t",
    )?;
    let (time, lsn) = (
        sql("select clock_timestamp()")?,
        sql("select pg_current_wal_insert_lsn()")?,
    );
    sql("select pg_sleep(0.01)")?;
    sql("insert into t values ('after')")?;
    stage.run(&["--repo=1", "--type=full", "backup"])?;
    stage.archive_all()?;
    for (kind, target) in [("time", &time), ("lsn", &lsn)] {
        let words = [
            format!("--type={kind}"),
            format!("--target={target}"),
            "--target-action=promote".to_owned(),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let restored = stage.start(&stage.restore(kind, &words)?)?;
        same(
            kind,
            "before",
            &restored.sql("select string_agg(what, ',') from t")?,
        )?;
    }
    for (kind, target) in [("time", &early), ("lsn", &early_lsn)] {
        let copy = stage.cluster.scratch().make_dir(format!("no-{kind}"))?;
        stage
            .outcome(&[
                &format!("--pg1-path={}", copy.display()),
                &format!("--type={kind}"),
                &format!("--target={target}"),
                "restore",
            ])?
            .expect_code(75)?;
    }
    Ok(())
}
