//! Whole and chosen copies between all kinds of repositories.

use std::sync::Arc;

use pgkeep_testkit::compare::{self, Ignore};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::source::{AES, BUNDLES, Made, Maker, OTHER_AES, Options};
use crate::stage::{Stage, must_say};

/// Everything is copied, read and continued.
struct Row {
    name: &'static str,
    maker: Maker,
    source: &'static [Options<'static>],
    target: &'static [Options<'static>],
    compress: &'static str,
    sftp: bool,
}

const ROWS: &[Row] = &[
    Row {
        name: "bundles_and_blocks_of_pgbackrest_are_copied",
        maker: Maker::PgBackRest,
        source: &[&BUNDLES],
        target: &[&BUNDLES],
        compress: "zst",
        sftp: false,
    },
    Row {
        name: "an_encrypted_repository_is_copied_into_one_with_another_pass_phrase",
        maker: Maker::Ours,
        source: &[&BUNDLES, &AES],
        target: &[&BUNDLES, &OTHER_AES],
        compress: "none",
        sftp: false,
    },
    Row {
        name: "an_encrypted_repository_of_pgbackrest_is_copied_to_sftp",
        maker: Maker::PgBackRest,
        source: &[&AES],
        target: &[&OTHER_AES],
        compress: "gz",
        sftp: true,
    },
    Row {
        name: "a_plain_repository_is_copied_into_an_encrypted_one",
        maker: Maker::PgBackRest,
        source: &[&BUNDLES],
        target: &[&BUNDLES, &OTHER_AES],
        compress: "zst",
        sftp: false,
    },
    Row {
        name: "an_encrypted_repository_is_copied_into_a_plain_one",
        maker: Maker::Ours,
        source: &[&BUNDLES, &AES],
        target: &[&BUNDLES],
        compress: "none",
        sftp: false,
    },
    Row {
        name: "single_files_of_a_plain_repository_are_encrypted_on_sftp",
        maker: Maker::Ours,
        source: &[],
        target: &[&OTHER_AES],
        compress: "none",
        sftp: true,
    },
    Row {
        name: "single_files_are_copied_to_sftp",
        maker: Maker::Ours,
        source: &[],
        target: &[],
        compress: "none",
        sftp: true,
    },
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for row in ROWS {
        let program = Arc::clone(program);
        suite = suite.test(row.name, move || whole(&program, row));
    }
    let [one, two, three, four] = [(); 4].map(|()| Arc::clone(program));
    suite
        .test("a_repository_is_copied_into_a_bucket_and_back", move || {
            bucket(&four)
        })
        .test("a_repository_on_sftp_is_copied_to_a_disk", move || {
            from_sftp(&three)
        })
        .test("chosen_backups_come_with_what_they_build_on", move || {
            chosen(&one)
        })
        .test("a_dry_run_says_what_is_to_do_and_does_nothing", move || {
            dry_run(&two)
        })
}

fn whole(program: &Program, row: &Row) -> TestResult {
    let stage = Stage::new(
        program,
        &Made {
            maker: row.maker,
            source: &row.source.concat(),
            target: &row.target.concat(),
            compress: row.compress,
            sftp: row.sftp,
        },
    )?;
    let before = stage.snapshot(&stage.source())?;
    let said = stage.copy(&[])?.success()?;
    must_say(&said, "4 backups with ")?;
    before.must_equal(&stage.snapshot(&stage.source())?)?;
    stage.target_is_sound()?;
    stage.target_holds(&[0, 1, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8])?;
    // Again there is nothing to do.
    let before = stage.snapshot(&stage.target)?;
    let said = stage.copy(&[])?.success()?;
    must_say(&said, "0 backups with 0 files and 0 WAL files")?;
    must_say(&said, "already there: 4 backups and 8 WAL files")?;
    before.must_equal(&stage.snapshot(&stage.target)?)?;
    // The chain goes on in the copy, by either program.
    stage.go_on(4)?;
    stage
        .theirs(&stage.two, &["--no-online", "--type=incr", "backup"])?
        .success()?;
    stage.go_on(5)?;
    stage
        .ours(&stage.two, &["--no-online", "--type=incr", "backup"])?
        .success()?;
    stage.target_is_sound()
}

fn plain<'p>(program: &'p Program) -> crate::stage::Result<Stage<'p>> {
    Stage::new(
        program,
        &Made {
            maker: Maker::Ours,
            source: &BUNDLES,
            target: &BUNDLES,
            compress: "zst",
            sftp: false,
        },
    )
}

fn chosen(program: &Program) -> TestResult {
    let stage = plain(program)?;
    let differential = format!("--set={}", stage.labels[1]);
    let options = [&differential, "--output=json", "--log-level-console=off"];
    let said = stage.copy(&options)?.success()?.stdout;
    let document: serde_json::Value = serde_json::from_str(&said)?;
    let (status, copied) = (&document["status"]["code"], &document["total"]["backup"]);
    if *status != 0 || copied["copied"] != 2 || copied["failed"] != 0 {
        return Err(said.into());
    }
    stage.target_is_sound()?;
    // They were made without a server, and so need no WAL.
    stage.target_holds(&[0, 1], &[])?;
    // What is there stays, and another one comes to it.
    stage.copy(&["--set=latest"])?.success()?;
    stage.target_is_sound()?;
    stage.target_holds(&[0, 1, 3], &[])?;
    let said = stage.copy(&[])?.success()?;
    must_say(&said, "1 backup with ")?;
    stage.target_is_sound()?;
    stage.target_holds(&[0, 1, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8])
}

fn dry_run(program: &Program) -> TestResult {
    let stage = plain(program)?;
    let before = stage.snapshot(&stage.target)?;
    let said = stage.copy(&["--dry-run"])?.success()?;
    must_say(&said, "the stanza is made in repo2")?;
    for label in &stage.labels {
        must_say(&said, label)?;
    }
    must_say(&said, "WAL of 15-1: 8 files")?;
    before.must_equal(&stage.snapshot(&stage.target)?)?;
    stage.copy(&["--set=latest"])?.success()?;
    let said = stage.copy(&["--dry-run"])?.success()?;
    must_say(&said, &format!("backup {}: is there", stage.labels[3]))?;
    Ok(())
}

/// There and back: encrypted on the way, then decrypted.
fn from_sftp(program: &Program) -> TestResult {
    let stage = Stage::new(
        program,
        &Made {
            maker: Maker::Ours,
            source: &[],
            target: &OTHER_AES,
            compress: "none",
            sftp: true,
        },
    )?;
    stage.copy(&[])?.success()?;
    let disk = stage.scratch.make_dir("disk")?;
    let third = format!("--repo3-path={}", disk.display());
    let back = ["--repo=2", &third, "--repo-to=3", "repo-copy"];
    let said = stage.ours(&stage.both, &back)?.success()?;
    must_say(&said, "4 backups with ")?;
    // What came back is what was there: the same bytes of the same cluster.
    let path = format!("--repo1-path={}", disk.display());
    stage.ours(&stage.one, &[&path, "verify"])?.success()?;
    let checked = stage
        .theirs(&stage.one, &[&path, "verify", "--output=text"])?
        .success()?;
    if checked.stdout.contains("status: error") {
        return Err(checked.stdout.into());
    }
    let wal = "archive/main/15-1";
    compare::trees(
        &stage.source().join(wal),
        &disk.join(wal),
        &Ignore::nothing(),
    )?;
    for label in &stage.labels {
        let files = format!("backup/main/{label}/pg_data/base");
        compare::trees(
            &stage.source().join(&files),
            &disk.join(&files),
            &Ignore::nothing(),
        )?;
    }
    Ok(())
}

/// What came back from a bucket is what was copied there.
fn bucket(program: &Program) -> TestResult {
    let stage = plain(program)?;
    let server = ObjectServer::start(Kind::Moto)?;
    let disk = stage.scratch.make_dir("disk")?;
    let base = || -> crate::stage::Result<Configuration> {
        Ok(Configuration::new(&stage.scratch)?
            .global("log-level-file", "off")
            .global("log-level-console", "info")
            .global("process-max", 2)
            .stanza("main", "pg1-path", stage.scratch.join("data").display()))
    };
    let all = base()?
        .bucket(2, &server)
        .global("repo3-path", disk.display())
        .write(&stage.scratch, "all.conf")?;
    let in_bucket = base()?
        .bucket(1, &server)
        .write(&stage.scratch, "bucket.conf")?;
    for config in [&all, &in_bucket] {
        stage.scratch.account().own_tree(config)?;
    }
    let there = ["--repo=1", "--repo-to=2", "repo-copy"];
    let said = stage.ours(&all, &there)?.success()?;
    must_say(&said, "4 backups with ")?;
    let said = stage.ours(&all, &there)?.success()?;
    must_say(&said, "0 backups with 0 files and 0 WAL files")?;
    let checked = stage
        .theirs(&in_bucket, &["verify", "--output=text"])?
        .success()?;
    if checked.stdout.contains("status: error") {
        return Err(checked.stdout.into());
    }
    let back = ["--repo=2", "--repo-to=3", "repo-copy"];
    let said = stage.ours(&all, &back)?.success()?;
    must_say(&said, "4 backups with ")?;
    let mut same = vec!["archive/main/15-1".to_owned()];
    for label in &stage.labels {
        same.push(format!("backup/main/{label}/bundle"));
    }
    for path in same {
        let (before, after) = (stage.source().join(&path), disk.join(&path));
        compare::trees(&before, &after, &Ignore::nothing())?;
    }
    let path = format!("--repo1-path={}", disk.display());
    stage.ours(&stage.one, &[&path, "verify"])?.success()?;
    Ok(())
}
