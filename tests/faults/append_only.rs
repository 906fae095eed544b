//! Faults where one SFTP account only adds and a second one keeps (decision 18): a backup, a push and the expire of the keeper die.
//!
//! Nothing that was there before a fault may change by the first account, and what it leaves must stop neither.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::point::{Fault, points};
use crate::stage::{Result, Stage};

const DENIED: &str = "ForceCommand internal-sftp -P remove,rmdir,rename,posix-rename,setstat,fsetstat,lsetstat,symlink";

type Visit = fn(&Program) -> TestResult;

const TESTS: [(&str, Visit); 4] = [
    (
        "a_full_backup_that_only_adds_is_killed_and_the_next_one_succeeds",
        full_backup,
    ),
    (
        "an_incremental_backup_that_only_adds_is_killed_and_the_next_one_succeeds",
        incremental_backup,
    ),
    (
        "a_push_that_only_adds_is_killed_and_the_next_one_succeeds",
        push,
    ),
    (
        "an_expire_of_the_keeper_is_killed_and_the_next_one_ends_its_work",
        expire,
    ),
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, test) in TESTS {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    suite
}

/// The one that adds and the one that keeps, on the same repository.
struct Both<'a> {
    adds: Stage<'a>,
    keeps: Stage<'a>,
}

fn server() -> Result<SftpServer> {
    Ok(SftpServer::builder()
        .keeper()
        .account_line(DENIED)
        .start()?)
}

impl<'a> Both<'a> {
    fn new(program: &'a Program, scratch: &'a Scratch, made: Configuration) -> Result<Self> {
        let server = server()?;
        let made = made
            .global("log-level-file", "off")
            .global("job-retry", 0)
            .sftp(&server);
        let (name, key) = server.keeper().ok_or("no second account")?;
        let public = format!("{}.pub", key.display());
        let keeps = made
            .clone()
            .global("repo1-sftp-host-user", name)
            .global("repo1-sftp-private-key-file", key.display())
            .global("repo1-sftp-public-key-file", public)
            .global("lock-path", scratch.make_dir("keeper-lock")?.display())
            .write(scratch, "keeps.conf")?;
        let adds = made
            .global("repo1-sftp-append-only", "y")
            .write(scratch, "adds.conf")?;
        let repository = server.files().to_owned();
        let stage = |config, server| -> Result<Stage<'a>> {
            Ok(Stage {
                program,
                pgbackrest: PgBackRest::mandatory()?,
                scratch,
                config,
                repository: repository.clone(),
                server,
            })
        };
        Ok(Self {
            adds: stage(adds, Some(server))?,
            keeps: stage(keeps, None)?,
        })
    }

    /// The keeper works, and both programs find all whole that is listed.
    fn is_kept(&self) -> TestResult {
        self.keeps.ours(&["expire"])?.success()?;
        self.keeps.is_valid()
    }

    fn sets(&self) -> PathBuf {
        self.keeps.repository.join("backup/main")
    }
}

/// Points of a test: the last operation, and a few before it; in the long run all.
fn few(operations: u64) -> Vec<String> {
    let mut all = points(Fault::Kill, operations, 5);
    if std::env::var_os("PGKEEP_TEST_FULL").is_none() {
        // The faults take turns, so an odd step keeps both kinds.
        all = all.into_iter().rev().step_by(3).collect();
    }
    all
}

/// Number and mode of each file that has its name.
fn published(root: &Path) -> Result<BTreeMap<PathBuf, (u64, u32)>> {
    let mut files = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let about = path.symlink_metadata()?;
            if about.is_dir() {
                left.push(path);
            } else if !path.to_string_lossy().ends_with(".pgbackrest.tmp") {
                files.insert(path, (about.ino(), about.permissions().mode() & 0o7777));
            }
        }
    }
    Ok(files)
}

/// Everything of before has its name still (its bytes are those of the saved state, which is compared at the end), and all is
/// closed to writers.
fn only_added(before: &BTreeMap<PathBuf, (u64, u32)>, root: &Path) -> TestResult {
    let after = published(root)?;
    for (path, was) in before {
        if after.get(path) != Some(was) {
            return Err(format!("{} has changed or is gone", path.display()).into());
        }
    }
    match after.iter().find(|(_, (_, mode))| mode & 0o222 != 0) {
        None => Ok(()),
        Some((path, (_, mode))) => Err(format!("{} has mode {mode:o}", path.display()).into()),
    }
}

fn full_backup(program: &Program) -> TestResult {
    backup(program, "full", &[("compress-type", "lz4")])
}

fn incremental_backup(program: &Program) -> TestResult {
    let options = [
        ("compress-type", "zst"),
        ("repo1-bundle", "y"),
        ("repo1-block", "y"),
    ];
    backup(program, "incr", &options)
}

fn backup(program: &Program, kind: &str, options: &[(&str, &str)]) -> TestResult {
    let scratch = Scratch::new()?;
    let data = scratch.join("data");
    DataDirBuilder::new("15")?
        .page_checksums()
        .relation("base/1/16384", 4)
        .relation("base/1/16385", 24)
        .file("pg_xact/0000", vec![0x55; 20_000])
        .file("empty", "")
        .build(&data)?;
    scratch.account().own_tree(&data)?;
    let made = Configuration::new(&scratch)?
        .global("repo1-retention-full", 3)
        .stanza("main", "pg1-path", data.display());
    let made = options
        .iter()
        .fold(made, |made, (option, value)| made.global(option, value));
    let both = Both::new(program, &scratch, made)?;
    let kind = format!("--type={kind}");
    let arguments = ["--no-online", kind.as_str(), "backup"];
    both.adds
        .ours(&["--no-online", "stanza-create"])?
        .success()?;
    let first = ["--no-online", "--type=full", "backup"];
    both.adds.ours(&first)?.success()?;
    both.is_kept()?;
    let mut changes = 0;
    let mut change = || {
        changes += 1;
        scratch.write("data/pg_xact/0000", vec![0x55; 20_000 + changes])
    };
    change()?;
    let saved = both.keeps.save()?;
    let operations = both.adds.count(&arguments)?;
    let points = few(operations);
    for (number, point) in points.iter().enumerate() {
        let mut visit = || -> TestResult {
            both.keeps.reset()?;
            let root = &both.keeps.repository;
            let before = published(root)?;
            Stage::was_killed(&both.adds.ours_with_fault(point, &arguments)?)?;
            only_added(&before, root)?;
            both.is_kept()?;
            change()?;
            let before = published(root)?;
            both.adds.ours(&arguments)?.success()?;
            only_added(&before, root)?;
            // A set that was never finished is no fault, for neither.
            for stage in [&both.adds, &both.keeps] {
                stage.ours(&["--output=text", "verify"])?.success()?;
            }
            both.is_kept()?;
            // What the killed one has left is gone, or was finished and is listed.
            let listed = both.keeps.theirs(&["info"])?.success()?.stdout;
            for entry in fs::read_dir(both.sets())? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.starts_with("20") && !listed.contains(&name) {
                    return Err(format!("{name} is left").into());
                }
            }
            let expected = Snapshot::of(&data, &Ignore::of_restore())?;
            both.keeps.restores(number % 2 == 0, &expected)
        };
        visit().map_err(|error| format!("{point} of {operations}: {error}"))?;
    }
    both.keeps.saved_is_untouched(&saved)?;
    println!(
        "faults, {kind} that only adds: {} of {operations} operations",
        points.len()
    );
    Ok(())
}

/// Segments and history files: what a killed push has left does not stop the next one, which finds the same bytes or stores them.
fn push(program: &Program) -> TestResult {
    let scratch = Scratch::new()?;
    let data = scratch.join("data");
    let builder = DataDirBuilder::new("15")?;
    builder.clone().relation("base/1/16384", 4).build(&data)?;
    let segment = "000000010000000000000001";
    let pushed = [
        (segment, builder.wal_segment(1)),
        ("00000002.history", b"1\t0/3000000\tnone\n".to_vec()),
        ("000000010000000000000002.partial", builder.wal_segment(2)),
    ];
    for (name, bytes) in &pushed {
        scratch.write(format!("data/pg_wal/{name}"), bytes)?;
    }
    scratch.account().own_tree(&data)?;
    let made = Configuration::new(&scratch)?
        .global("repo1-retention-full", 3)
        .global("repo1-cipher-type", "aes-256-cbc")
        .global("repo1-cipher-pass", "x")
        .stanza("main", "pg1-path", data.display());
    let both = Both::new(program, &scratch, made)?;
    both.adds
        .ours(&["--no-online", "stanza-create"])?
        .success()?;
    let saved = both.keeps.save()?;
    for (name, bytes) in &pushed {
        let path = scratch.join(format!("data/pg_wal/{name}"));
        let path = path.display().to_string();
        let arguments = ["archive-push", path.as_str()];
        both.keeps.reset()?;
        let operations = both.adds.count(&arguments)?;
        let points = few(operations);
        for point in &points {
            let told = |error: Box<dyn std::error::Error>| {
                format!("{name}, {point} of {operations}: {error}")
            };
            let visit = || -> TestResult {
                both.keeps.reset()?;
                let root = &both.keeps.repository;
                let before = published(root)?;
                Stage::was_killed(&both.adds.ours_with_fault(point, &arguments)?)?;
                only_added(&before, root)?;
                let before = published(root)?;
                // Stored anew or found to be there, and once more.
                both.adds.ours(&arguments)?.success()?;
                both.adds.ours(&arguments)?.success()?;
                only_added(&before, root)?;
                let fetched = scratch.join("data/RECOVERYXLOG");
                let get = ["archive-get", name, &fetched.display().to_string()];
                both.adds.ours(&get)?.success()?;
                if fs::read(&fetched)? != *bytes {
                    return Err("it came back with other bytes".into());
                }
                fs::remove_file(fetched)?;
                both.keeps.is_valid()
            };
            visit().map_err(told)?;
        }
        println!(
            "faults, push of {name} that only adds: {} of {operations} operations",
            points.len()
        );
    }
    both.keeps.saved_is_untouched(&saved)
}

/// A real cluster, so that there is WAL to expire: sets that are listed, one that is not yet, and one that was never finished.
fn expire(program: &Program) -> TestResult {
    let cluster = Cluster::builder(15)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let scratch = cluster.scratch();
    let made = Configuration::new(scratch)?
        .global("repo1-retention-full", 1)
        .global("repo1-bundle", "y")
        .global("compress-type", "lz4")
        .cluster("main", &cluster);
    let both = Both::new(program, scratch, made)?;
    let push = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.path().display(),
        both.adds.config.display()
    );
    cluster.append_setting("archive_command", &push)?;
    cluster.start()?;
    both.adds.ours(&["stanza-create"])?.success()?;
    let backup = |kind: &str| -> TestResult {
        let kind = format!("--type={kind}");
        both.adds.ours(&[&kind, "backup"])?.success()?;
        cluster.sql("select pg_switch_wal()")?;
        Ok(())
    };
    for kind in ["full", "incr"] {
        backup(kind)?;
    }
    both.is_kept()?;
    let killed = ["--type=full", "backup"];
    let died = both.adds.ours_with_fault("kill:40", &killed)?;
    Stage::was_killed(&died)?;
    for kind in ["full", "incr"] {
        backup(kind)?;
    }
    cluster.stop(StopMode::Fast)?;
    let saved = both.keeps.save()?;
    let operations = both.keeps.count(&["expire"])?;
    let ignore = Ignore::nothing().names_ending(".pgbackrest.tmp");
    let whole = Snapshot::of(&both.keeps.repository, &ignore)?;
    both.keeps.is_valid()?;
    let points = few(operations);
    for point in &points {
        let visit = || -> TestResult {
            both.keeps.reset()?;
            Stage::was_killed(&both.keeps.ours_with_fault(point, &["expire"])?)?;
            // The other account reads what there is, and goes on.
            both.adds.ours(&["info"])?.success()?;
            both.is_kept()?;
            whole.must_equal(&Snapshot::of(&both.keeps.repository, &ignore)?)?;
            only_added(&BTreeMap::new(), &both.keeps.repository)
        };
        visit().map_err(|error| format!("{point} of {operations}: {error}"))?;
    }
    println!(
        "faults, expire of the keeper: {} of {operations} operations",
        points.len()
    );
    both.keeps.saved_is_untouched(&saved)
}
