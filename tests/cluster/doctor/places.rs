//! Faults of repositories, of the configuration, and of what lies around on this host.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use super::report::Report;
use super::{archive_all, backed_up, builder, variant};
use crate::stage::{Result, Stage};

/// Most round trips that one look at an SFTP repository with one stanza may take, without the login.
const ROUND_TRIPS: usize = 25;

fn mode(path: &Path, mode: u32) -> TestResult {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

pub fn repository(program: &Program) -> TestResult {
    let stage = Stage::new(program, builder(15), &[])?;
    let look = |arguments: &[&str]| Report::of(&stage, &[&["--stanza=main"], arguments].concat());
    archive_all(&stage)?;
    look(&[])?
        .must_be(&["backup-age"], &[])?
        .says("backup-age", &["no backup", "--type=full backup"])?;
    stage.run(&["--type=full", "backup"])?;
    archive_all(&stage)?;
    look(&[])?.must_be(&[], &[])?;

    // Old backups: the time passes by itself.
    loop {
        let report = look(&["--backup-age-max=1s"])?;
        if !report.with_result("fail").is_empty() {
            report.must_be(&["backup-age"], &[])?;
            break;
        }
    }
    look(&["--full-age-max=1s"])?.must_be(&["full-age"], &[])?;
    let repo = stage.cluster.scratch().join("repo");

    let last = stage
        .cluster
        .sql("select last_archived_wal from pg_stat_archiver")?;
    let directory = repo.join("archive/main/15-1").join(&last[..16]);
    let segment = fs::read_dir(&directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().contains(&last))
        .ok_or("the segment is not stored")?;
    let aside = stage.cluster.scratch().join("aside");
    fs::rename(&segment, &aside)?;
    look(&[])?.must_be(&["wal"], &[])?.says("wal", &[&last])?;
    fs::rename(&aside, &segment)?;

    mode(&repo.join("archive"), 0o777)?;
    look(&[])?
        .must_be(&["repo-mode"], &[])?
        .says("repo-mode", &["chmod -R o-rwx"])?;
    mode(&repo.join("archive"), 0o750)?;
    let manifest = repo.join("backup/main/backup.info");
    for open in [
        &manifest,
        &repo.join("backup/main"),
        &repo.join("backup"),
        &repo,
    ] {
        look(&[])?.must_be(&[], &[])?;
        mode(open, 0o755)?;
    }
    look(&[])?.must_be(&[], &["repo-mode"])?;
    mode(&repo.join("backup"), 0o750)?;

    mode(&repo, 0o550)?;
    look(&[])?
        .must_be(&["repo-write"], &[])?
        .says("repo-write", &["chown -R"])?;
    mode(&repo, 0o750)?;

    // Both info files of the stanza and their copies.
    for file in ["archive/main/archive.info", "backup/main/backup.info"] {
        for ending in ["", ".copy"] {
            fs::rename(
                repo.join(format!("{file}{ending}")),
                aside.with_extension(format!("{}{ending}", &file[..6])),
            )?;
        }
    }
    look(&[])?
        .must_be(&["stanza"], &[])?
        .says("stanza", &["pgkeep --stanza=main stanza-create"])?;
    fs::rename(&repo, &aside)?;
    look(&[])?
        .must_be(&["repository"], &[])?
        .says("repository", &["does not exist", "install -d"])?;
    Ok(())
}

pub fn configuration(program: &Program) -> TestResult {
    let stage = backed_up(program, builder(17), &[])?;
    let scratch = stage.cluster.scratch();
    let locked = scratch.make_dir("locked")?;
    mode(&locked, 0o550)?;
    let below = locked.join("spool");
    for (options, fail, warn) in [
        (
            &[("repo1-retention-full-type", "time")][..],
            &[][..],
            &[][..],
        ),
        (&[("repo1-retention-full", "")], &[], &["retention"]),
        (&[("log-path", "/nowhere/log")], &[], &["log-path"]),
        (
            &[("log-path", "/nowhere/log"), ("log-level-file", "off")],
            &[],
            &[],
        ),
        (
            &[("lock-path", locked.to_str().unwrap_or_default())],
            &["lock-path"],
            &[],
        ),
        (
            &[
                ("archive-async", "y"),
                ("spool-path", below.to_str().unwrap_or_default()),
            ],
            &["spool-path"],
            &[],
        ),
    ] {
        let config = variant(&stage, |made| {
            options
                .iter()
                .fold(made, |made, (option, value)| made.global(option, value))
        })?;
        // An empty value is none, as if the line were not there.
        let text = fs::read_to_string(&config)?.replace("repo1-retention-full=\n", "");
        fs::write(&config, text)?;
        let report = Report::with(&stage, &config, &["--stanza=main"])?;
        report.must_be(fail, warn)?;
    }
    stage.run(&["stop"])?;
    Report::of(&stage, &["--stanza=main"])?
        .must_be(&["stop"], &[])?
        .says("stop", &["pgkeep --stanza=main start"])?;
    stage.run(&["start"])?;
    let empty = scratch.write("empty.conf", "[global]\nrepo1-retention-full=1\n")?;
    let report = Report::with(&stage, &empty, &["--log-level-file=off"])?;
    report.says("stanza-section", &["pg1-path"])?;
    // A configuration that cannot be read is no finding.
    let broken = scratch.write("broken.conf", "[global]\nrepo1-path=relative\n")?;
    let outcome = run(stage
        .program
        .command()
        .arg(format!("--config={}", broken.display()))
        .arg("doctor"))?;
    outcome.expect_code(32)?;
    Ok(())
}

pub fn secrets(program: &Program) -> TestResult {
    const SECRET: &str = "swordfish-of-the-test";
    let encrypted = [
        ("repo1-cipher-type", "aes-256-cbc"),
        ("repo1-cipher-pass", SECRET),
    ];
    let stage = backed_up(program, builder(15), &encrypted)?;
    Report::of(&stage, &["--stanza=main"])?.must_be(&[], &[])?;
    mode(&stage.config, 0o644)?;
    let report = Report::of(&stage, &["--stanza=main"])?;
    report
        .must_be(&["config-mode"], &[])?
        .says("config-mode", &["chmod o-rwx"])?;
    let text = run(stage
        .command()
        .args(["--log-level-console=debug", "doctor"]))?;
    for said in [report.0.to_string(), text.stdout, text.stderr] {
        if said.contains(SECRET) {
            return Err("the pass-phrase was shown".into());
        }
    }
    mode(&stage.config, 0o640)?;
    let other = variant(&stage, |made| {
        made.global("repo1-cipher-type", "aes-256-cbc")
            .global("repo1-cipher-pass", "another")
    })?;
    Report::with(&stage, &other, &["--stanza=main"])?
        .must_be(&["stanza"], &[])?
        .says("stanza", &["repo1-cipher-pass"])?;
    Ok(())
}

pub fn sftp(program: &Program) -> TestResult {
    let mut server = SftpServer::builder().start()?;
    let stage = Stage::with(program, builder(17), |made| {
        made.sftp(&server)
            .global("repo1-cipher-type", "aes-256-cbc")
            .global("repo1-cipher-pass", "secret of the test")
    })?;
    stage.run(&["--type=full", "backup"])?;
    archive_all(&stage)?;
    let look = |arguments: &[&str]| {
        Report::of(
            &stage,
            &[&["--stanza=main", "--io-timeout=5"], arguments].concat(),
        )
    };
    let report = look(&[])?;
    report.must_be(&[], &[])?.says("clock", &["ours"])?;
    report.says("repo-space", &["the next full backup takes"])?;
    report.says("durability", &["fsync"])?;
    let log = run(stage
        .command()
        .args(["--log-level-console=debug", "doctor"]))?
    .stdout;
    let rounds = round_trips(&log).ok_or_else(|| format!("no statistics in:\n{log}"))?;
    if rounds > ROUND_TRIPS {
        return Err(format!("{rounds} round trips").into());
    }
    look(&["--repo1-sftp-host-key-check-type=none"])?
        .must_be(&["host-key"], &[])?
        .says("host-key", &["repo1-sftp-host-key-check-type=strict"])?;
    server.stop();
    look(&[])?
        .must_be(&["repository"], &[])?
        .says("repository", &["sftp-audit"])?;
    Ok(())
}

/// Of the line that the storage leaves at its end: `…: 12 round trips, …`.
fn round_trips(log: &str) -> Option<usize> {
    let (before, _) = log.split_once(" round trips")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// A stanza whose cluster is missing and a repository that is gone do not hide how the others are.
pub fn several(program: &Program) -> TestResult {
    let gone = pgkeep_testkit::scratch::Scratch::new()?;
    let path = gone.make_dir("repo2")?;
    let second = [
        ("repo2-path", path.to_str().unwrap_or_default()),
        ("repo2-retention-full", "2"),
    ];
    let stage = backed_up(program, builder(15), &second)?;
    stage.run(&["--repo=2", "--type=full", "backup"])?;
    archive_all(&stage)?;
    Report::of(&stage, &["--stanza=main"])?.must_be(&[], &[])?;
    fs::remove_dir_all(&path)?;
    let other: Cluster = builder(15).own_system_id().create()?;
    let config = variant(&stage, |made| {
        second
            .iter()
            .fold(made, |made, (option, value)| made.global(option, value))
            .cluster("asleep", &other)
    })?;
    let report = Report::with(&stage, &config, &[])?;
    // The directory above is empty, too: it may be the mount point.
    report.must_be(&["cluster", "mount", "stanza"], &[])?;
    let of =
        |check: &str, key: &str| -> Result<String> { Ok(report.finding(check)?[key].to_string()) };
    crate::stage::same("cluster", "\"asleep\"", &of("cluster", "stanza")?)?;
    crate::stage::same("mount", "2", &of("mount", "repo")?)?;
    crate::stage::same("stanza", "\"asleep\"", &of("stanza", "stanza")?)?;
    // The repository that is there was looked at for the stanza that runs.
    let fine = report.findings().iter().any(|finding| {
        finding["check"] == "backup-age"
            && finding["stanza"] == "main"
            && finding["repo"] == 1
            && finding["result"] == "ok"
    });
    if !fine {
        return Err(format!("{:#}", report.0).into());
    }
    let config = config.display().to_string();
    let one = Report::with(&stage, Path::new(&config), &["--stanza=main", "--repo=1"])?;
    one.must_be(&[], &[])?;
    Ok(())
}
