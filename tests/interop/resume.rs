//! Full backups that were killed half-way: this program goes on with pgBackRest's, pgBackRest starts afresh after ours.
//!
//! The kill comes when so many files have appeared in the set, and the test fails if the backup was quicker. A run after it
//! must give a set that both programs find whole and that restores to the rows of the source.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::archiving;
use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A backup that is killed and one that comes after it.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    /// Release of pgBackRest.
    pgbackrest: &'static str,
    first: By,
    /// Options of both backups.
    options: &'static [(&'static str, &'static str)],
    /// Options of the second one.
    then: &'static [&'static str],
    /// Files in directories of the set, not in bundles, after which the first one is killed.
    kill_after: usize,
    /// Its workers are not killed with it. Those of pgBackRest go on for a quarter of a minute.
    workers_live: bool,
    expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Ours,
    PgBackRest,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    /// At least so many files are taken over.
    Resumed(usize),
    /// The set is removed for this reason.
    Afresh(&'static str),
}

const CIPHER: [(&str, &str); 2] = [
    ("repo1-cipher-type", "aes-256-cbc"),
    ("repo1-cipher-pass", "a pass of the interop suite"),
];

const CASES: [Case; 8] = [
    Case {
        name: "this_program_resumes_a_full_backup_of_2_55",
        pgbackrest: "2.55",
        first: By::PgBackRest,
        options: &[],
        then: &[],
        kill_after: 6,
        workers_live: false,
        expected: Expected::Resumed(5),
    },
    Case {
        name: "this_program_resumes_a_full_backup_of_2_60",
        pgbackrest: "2.60",
        first: By::PgBackRest,
        options: &[],
        then: &[],
        kill_after: 6,
        workers_live: true,
        expected: Expected::Resumed(5),
    },
    Case {
        name: "this_program_resumes_an_encrypted_full_backup_by_checksums",
        pgbackrest: "2.60",
        first: By::PgBackRest,
        options: &CIPHER,
        then: &["--delta"],
        kill_after: 6,
        workers_live: false,
        expected: Expected::Resumed(5),
    },
    Case {
        name: "this_program_resumes_a_full_backup_with_bundles_and_blocks",
        pgbackrest: "2.60",
        first: By::PgBackRest,
        options: &[("repo1-bundle", "y"), ("repo1-block", "y")],
        then: &[],
        // The tables are stored alone, before any bundle.
        kill_after: 6,
        workers_live: false,
        expected: Expected::Resumed(5),
    },
    Case {
        name: "this_program_resumes_in_bundles_what_was_started_without",
        pgbackrest: "2.55",
        first: By::PgBackRest,
        options: &[],
        then: &["--repo1-bundle"],
        kill_after: 6,
        workers_live: false,
        // Only what is too large for a bundle.
        expected: Expected::Resumed(5),
    },
    Case {
        name: "another_compression_starts_afresh",
        pgbackrest: "2.55",
        first: By::PgBackRest,
        options: &[],
        then: &["--compress-type=lz4"],
        kill_after: 4,
        workers_live: false,
        expected: Expected::Afresh(
            "new compression 'lz4' does not match resumable compression 'gz'",
        ),
    },
    Case {
        name: "2_55_starts_afresh_after_a_killed_backup_of_this_program",
        pgbackrest: "2.55",
        first: By::Ours,
        options: &CIPHER,
        then: &[],
        kill_after: 4,
        workers_live: false,
        expected: Expected::Afresh("does not match resumable pgBackRest version"),
    },
    Case {
        name: "2_60_starts_afresh_after_a_killed_backup_of_this_program",
        pgbackrest: "2.60",
        first: By::Ours,
        options: &[("repo1-bundle", "y")],
        then: &[],
        kill_after: 4,
        workers_live: false,
        expected: Expected::Afresh("does not match resumable pgBackRest version"),
    },
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for case in CASES {
        let program = Arc::clone(program);
        suite = suite.test(case.name, move || visit(&program, &case));
    }
    suite
}

/// The two programs on one cluster.
struct Stage<'a> {
    program: &'a Program,
    pgbackrest: PgBackRest,
    cluster: Cluster,
    config: PathBuf,
}

fn visit(program: &Program, case: &Case) -> TestResult {
    let stage = Stage::new(program, case)?;
    let second = match case.first {
        By::Ours => By::PgBackRest,
        By::PgBackRest => By::Ours,
    };
    let killed = stage.kill_backup(case)?;
    let mut arguments = vec!["--type=full", "--log-level-console=detail"];
    arguments.extend(case.then);
    arguments.push("backup");
    let outcome = stage.run(second, &arguments)?;
    let sets = stage.sets()?;
    match case.expected {
        Expected::Resumed(least) => {
            let told = format!("resumable backup {killed} of same type exists");
            let taken = outcome.stdout.matches("checksum resumed file").count();
            // What cannot be used is removed before, so that no file is found to be wrong.
            let wrong = outcome.stdout.contains("did not have expected checksum");
            if !outcome.stdout.contains(&told) || taken < least || wrong || sets != [killed] {
                return Err(format!(
                    "{taken} files were taken over, sets are {sets:?}\n{}",
                    outcome.stdout
                )
                .into());
            }
        }
        Expected::Afresh(reason) => {
            let told = format!("WARN: backup '{killed}' cannot be resumed: ");
            let line = outcome.stdout.lines().find(|line| line.contains(&told));
            if !line.is_some_and(|line| line.contains(reason))
                || sets.len() != 1
                || sets[0] == killed
            {
                return Err(format!("sets are {sets:?}\n{}", outcome.stdout).into());
            }
        }
    }
    for who in [By::Ours, By::PgBackRest] {
        let verified = stage
            .run(who, &["--output=text", "--verbose", "verify"])?
            .stdout;
        if !verified.contains("status: ok") || verified.contains("status: invalid") {
            return Err(format!("verify by {who:?}:\n{verified}").into());
        }
    }
    // The program that did not end the backup; its own restore only in full.
    stage.restores(case.first)?;
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        stage.restores(second)?;
    }
    // Life goes on, with the other program.
    stage.run(case.first, &["--type=incr", "backup"])?;
    Ok(())
}

impl<'a> Stage<'a> {
    fn new(program: &'a Program, case: &Case) -> Result<Self> {
        let pgbackrest = PgBackRest::find(case.pgbackrest)?;
        // Large segments, for the tables are many.
        let builder = Cluster::builder(15).wal_segment_mib(16);
        let (cluster, config) = archiving::start(builder, pgbackrest.path(), |made, _| {
            let made = made
                .global("repo1-retention-full", 2)
                .global("compress-type", "gz")
                .global("compress-level", 1)
                .global("process-max", 1)
                .global("manifest-save-threshold", "1");
            case.options
                .iter()
                .fold(made, |made, (option, value)| made.global(option, value))
        })?;
        let stage = Self {
            program,
            pgbackrest,
            cluster,
            config,
        };
        stage.run(By::PgBackRest, &["stanza-create"])?;
        for number in 0..8 {
            stage.cluster.sql(&format!(
                "create table t{number} as select g, md5(g::text) from generate_series(1, 50000) g"
            ))?;
        }
        stage.cluster.sql("checkpoint")?;
        Ok(stage)
    }

    fn command(&self, who: By) -> Command {
        let mut command = match who {
            By::Ours => self.program.as_pgbackrest(),
            By::PgBackRest => self.pgbackrest.command(),
        };
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        command
    }

    fn run(&self, who: By, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self.command(who).args(arguments))?.success()?)
    }

    /// Labels in the repository.
    fn sets(&self) -> Result<Vec<String>> {
        let Ok(found) = std::fs::read_dir(self.set_path("")) else {
            return Ok(Vec::new());
        };
        let mut sets = Vec::new();
        for entry in found {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("20") {
                sets.push(name);
            }
        }
        Ok(sets)
    }

    fn set_path(&self, set: &str) -> PathBuf {
        self.cluster.scratch().join("repo/backup/main").join(set)
    }

    /// Kills a full backup when it has stored files, and returns its label.
    fn kill_backup(&self, case: &Case) -> Result<String> {
        let log = self.cluster.scratch().join("killed.log");
        let mut child = self
            .command(case.first)
            // Slow enough to be met half-way.
            .args([
                "--type=full",
                "--compress-level=9",
                "--log-level-console=detail",
                "backup",
            ])
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log)?)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let started = Instant::now();
        let label = loop {
            if let [label] = self.sets()?.as_slice() {
                let set = self.set_path(label);
                let stored = files(&set.join("pg_data"));
                if stored >= case.kill_after && set.join("backup.manifest.copy").exists() {
                    break label.clone();
                }
            }
            if child.try_wait()?.is_some() || started.elapsed() > Duration::from_secs(300) {
                child.kill()?;
                child.wait()?;
                let log = std::fs::read_to_string(&log)?;
                return Err(format!("the backup could not be caught half-way:\n{log}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if !case.workers_live {
            let group = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL)?;
        }
        child.kill()?;
        child.wait()?;
        if self.set_path(&label).join("backup.manifest").exists() {
            return Err("the backup ended before it was killed".into());
        }
        // Workers of pgBackRest end when they notice that nobody speaks to them, and hold its lock until then.
        let lock = self.cluster.scratch().join("lock");
        while self.holds_lock(&lock)? {
            if started.elapsed() > Duration::from_secs(300) {
                return Err("the lock of the killed backup is still taken".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(label)
    }

    fn holds_lock(&self, lock: &Path) -> Result<bool> {
        let file = lock.join("main-backup-1.lock");
        if !file.exists() {
            return Ok(false);
        }
        let mut command = self.cluster.account().command("flock");
        let outcome = run(command.arg("--nonblock").arg(&file).arg("true"))?;
        Ok(outcome.code != 0)
    }

    /// A copy of the set, started, has the rows of the source.
    fn restores(&self, who: By) -> TestResult {
        let name = format!("copy-{who:?}").to_lowercase();
        let copy = self.cluster.scratch().make_dir(&name)?;
        let path = format!("--pg1-path={}", copy.display());
        self.run(
            who,
            &[
                &path,
                "--type=immediate",
                "--target-action=promote",
                "restore",
            ],
        )?;
        let restored = Cluster::at(15, &copy, false)?;
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        if self.cluster.dump()? != restored.dump()? {
            return Err(format!("the copy restored by {who:?} differs from its source").into());
        }
        restored.check_structures()?;
        restored.stop(StopMode::Fast)?;
        Ok(restored.check_pages()?)
    }
}

/// Regular files below a directory that may change or vanish meanwhile.
fn files(top: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(top) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            Ok(kind)
                if kind.is_file() && !entry.file_name().to_string_lossy().ends_with(".tmp") =>
            {
                1
            }
            _ => 0,
        })
        .sum()
}
