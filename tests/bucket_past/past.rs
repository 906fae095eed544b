//! `--repo-target-time`: what was deleted since is read as it was.

use std::fs;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, end_of_second};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (first, second) = (Arc::clone(program), Arc::clone(program));
    suite
        .test("what_was_deleted_is_restored_as_it_was", move || {
            deleted(&first)
        })
        .test("a_time_is_refused_where_it_means_nothing", move || {
            refused(&second)
        })
}

fn deleted(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let segment = stage.archive(1)?;
    let first = stage.backup()?;
    let time = format!("--repo-target-time={}", end_of_second()?);
    let past = ["--repo=1", &time];

    let second = stage.backup()?;
    stage
        .ours(&[&format!("--set={first}"), "expire"])?
        .success()?;
    assert_eq!(stage.labels()?, [second.as_str()]);
    let listed = stage.ours(&["repo-ls", "--recurse", "archive/main"])?;
    let listed = listed.success()?.stdout;
    let stored = listed
        .lines()
        .find(|line| line.contains(&segment))
        .ok_or(format!("the segment is not listed: {listed}"))?;
    let wal = stage.object(&format!("archive/main/{stored}"));
    stage.server.ask("DELETE", &wal)?;

    // Today it is gone.
    let copy = stage.empty_copy()?;
    let set = format!("--set={first}");
    let today = stage.ours(&[&copy, &set, "restore"])?;
    today.expect_code(75)?;

    // Both programs see it as it was.
    for theirs in [false, true] {
        let ask = |arguments: &[&str]| {
            let all = [&past[..], arguments].concat();
            match theirs {
                false => stage.ours(&all),
                true => stage.theirs(&all),
            }
        };
        let copy = stage.empty_copy()?;
        ask(&[&copy, "restore"])?.success()?;
        stage.copy_is_right()?;
        // WAL comes from the same time.
        let copy = stage.empty_copy()?;
        ask(&[&copy, "--type=standby", "restore"])?.success()?;
        let settings = stage.scratch.join("copy/postgresql.auto.conf");
        let settings = fs::read_to_string(settings)?;
        let command = settings
            .lines()
            .find(|line| line.starts_with("restore_command"))
            .ok_or(format!("no restore_command: {settings}"))?;
        assert!(command.contains("--repo=1 "), "theirs: {theirs}: {command}");
        assert!(
            command.contains("--repo-target-time="),
            "theirs: {theirs}: {command}"
        );
        let target = stage.scratch.join("segment").display().to_string();
        let _ = fs::remove_file(&target);
        ask(&["archive-get", &segment, &target])?.success()?;
        assert!(fs::read(&target)? == stage.segment(1), "theirs: {theirs}");
        let verified = ask(&["--output=text", "--verbose", "verify"])?.success()?;
        assert!(
            verified.stdout.contains("status: ok"),
            "{}",
            verified.stdout
        );
        let info = ask(&["info"])?.success()?.stdout;
        assert!(info.contains(&first) && !info.contains(&second), "{info}");
    }
    let same = |arguments: &[&str]| -> TestResult {
        let all = [&past[..], arguments].concat();
        let (ours, theirs) = (stage.ours(&all)?, stage.theirs(&all)?);
        assert_eq!(
            ours.success()?.stdout,
            theirs.success()?.stdout,
            "{arguments:?}"
        );
        Ok(())
    };
    same(&["repo-ls", &format!("backup/main/{first}"), "--recurse"])?;
    same(&["repo-ls", "archive/main", "--recurse"])?;
    same(&["repo-get", "backup/main/backup.info"])?;
    // pgBackRest shows directories of which nothing was there then.
    let all = [&past[..], &["repo-ls", "backup/main"]].concat();
    let ours = stage.ours(&all)?.success()?.stdout;
    assert!(ours.contains(&first) && !ours.contains(&second), "{ours}");

    // Nothing has come back.
    assert_eq!(stage.labels()?, [second.as_str()]);
    Ok(())
}

fn refused(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let time = "--repo-target-time=2026-01-01 12:00:00+00";
    // A command that writes does not have the option, with either program.
    for theirs in [false, true] {
        let arguments = ["--repo=1", time, "--no-online", "backup"];
        let outcome = match theirs {
            false => stage.ours(&arguments)?,
            true => stage.theirs(&arguments)?,
        };
        outcome.expect_code(31)?;
        // Without a repository, and with a text that is no time.
        let (none, wrong) = (
            [time, "info"],
            ["--repo=1", "--repo-target-time=yesterday", "restore"],
        );
        let run = |arguments: &[&str]| match theirs {
            false => stage.ours(arguments),
            true => stage.theirs(arguments),
        };
        run(&none)?.expect_code(31)?;
        let copy = stage.empty_copy()?;
        let wrong = run(&[&wrong[..], &[&copy]].concat())?;
        let wrong = wrong.expect_code(29)?;
        let text = wrong.stdout.clone() + &wrong.stderr;
        assert!(text.contains("invalid date/time yesterday"), "{text}");
    }
    // A directory keeps no versions; pgBackRest shows what is there now.
    let path = stage.scratch.make_dir("repo")?.display().to_string();
    let local = [
        "--repo1-type=posix",
        &format!("--repo1-path={path}"),
        "--repo=1",
    ];
    let outcome = stage.ours(&[&local[..], &[time, "info"]].concat())?;
    let outcome = outcome.expect_code(31)?;
    let text = outcome.stdout.clone() + &outcome.stderr;
    assert!(
        text.contains("cannot be used with 'repo1-type=posix'") && text.contains("HINT"),
        "{text}"
    );
    Ok(())
}
