//! One case: a repository, options, and both programs' answers to them.
//!
//! Compared are the files that are left, the list in `backup.info`, the exit code and every line of the log at level detail.

use std::fs;
use std::path::{Path, PathBuf};

use pgkeep_repo::{BackupInfo, Stanza};
use pgkeep_storage::posix::{PosixSettings, PosixStorage};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::TestResult;
use secrecy::SecretString;

use crate::random::Random;
use crate::repository::{self, Made};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const PASS: &str = "a pass-phrase of users";

/// Runs the case with this seed.
pub(crate) fn check(program: &Program, pgbackrest: &PgBackRest, seed: u64, now: i64) -> TestResult {
    let mut random = Random::new(seed);
    let scratch = Scratch::new()?;
    let encrypted = random.once_in(4);
    let repositories = 1 + random.below(5) / 4;
    let mut options = vec![
        "--no-config".to_owned(),
        "--stanza=demo".to_owned(),
        "--log-level-file=off".to_owned(),
    ];
    options.extend(["--log-level-console=detail", "--no-log-timestamp"].map(str::to_owned));
    let mut made = Vec::new();
    for key in 1..=repositories {
        let path = scratch.join(format!("ours/repo{key}"));
        fs::create_dir_all(&path)?;
        made.push(repository::make(
            &mut random,
            &path,
            encrypted.then_some(PASS),
            now,
        )?);
        options.extend(retention(&mut random, key, repositories));
        if encrypted {
            options.push(format!("--repo{key}-cipher-type=aes-256-cbc"));
        }
    }
    options.extend(adhoc(&mut random, &made, pgbackrest));
    let (ours, theirs) = (scratch.join("ours"), scratch.join("theirs"));
    copy_tree(&ours, &theirs)?;
    scratch.account().own_tree(&ours)?;
    scratch.account().own_tree(&theirs)?;
    let lock = scratch.join("lock");

    let start = |command: &mut std::process::Command, top: &Path| -> Result<Outcome> {
        for key in 1..=repositories {
            command.arg(format!(
                "--repo{key}-path={}",
                top.join(format!("repo{key}")).display()
            ));
            if encrypted {
                command.env(format!("PGBACKREST_REPO{key}_CIPHER_PASS"), PASS);
            }
        }
        Ok(run(command
            .arg(format!("--lock-path={}", lock.display()))
            .args(&options)
            .arg("expire"))?)
    };
    let expected = start(&mut pgbackrest.command(), &theirs)?;
    let got = start(&mut program.as_pgbackrest(), &ours)?;

    let shown = || {
        let made: Vec<String> = made.iter().map(repository::describe).collect();
        format!(
            "seed {seed}\noptions {options:?}\nmade {made:?}\npgBackRest ({}):\n{}{}\nthis program ({}):\n{}{}",
            expected.code, expected.stdout, expected.stderr, got.code, got.stdout, got.stderr
        )
    };
    if got.code != expected.code {
        return Err(format!("the exit codes differ\n{}", shown()).into());
    }
    let (said, wanted) = (lines(&got, &ours), lines(&expected, &theirs));
    if said != wanted {
        return Err(format!("the logs differ\n{}", shown()).into());
    }
    for key in 1..=repositories {
        let name = format!("repo{key}");
        // Both write it, each in its own name.
        let ignore = Ignore::nothing()
            .path("backup/demo/backup.info")
            .path("backup/demo/backup.info.copy");
        let left = Snapshot::of(&ours.join(&name), &ignore)?;
        let wanted = Snapshot::of(&theirs.join(&name), &ignore)?;
        wanted
            .must_equal(&left)
            .map_err(|error| format!("{error}\n{}", shown()))?;
        let (list, wanted) = (
            listed(&ours.join(&name), encrypted)?,
            listed(&theirs.join(&name), encrypted)?,
        );
        if list.entries() != wanted.entries() {
            return Err(format!("backup.info differs\n{}", shown()).into());
        }
    }
    Ok(())
}

/// Retention of one repository.
fn retention(random: &mut Random, key: u64, repositories: u64) -> Vec<String> {
    let mut options = Vec::new();
    let mut add =
        |name: &str, value: String| options.push(format!("--repo{key}-retention-{name}={value}"));
    let by_time = random.once_in(3);
    if by_time {
        add("full-type", "time".to_owned());
    }
    if !random.once_in(5) {
        add(
            "full",
            (1 + random.below(if by_time { 30 } else { 4 })).to_string(),
        );
    }
    if random.once_in(3) {
        add("diff", (1 + random.below(4)).to_string());
    }
    if random.once_in(2) {
        add(
            "archive-type",
            (*random.of(&["full", "diff", "incr"])).to_owned(),
        );
    }
    if random.once_in(2) {
        add("archive", (1 + random.below(5)).to_string());
    }
    // With several repositories pgBackRest looks into the wrong history.
    if repositories == 1 && random.once_in(2) {
        add("history", random.below(60).to_string());
    }
    options
}

/// Options that people add by hand.
fn adhoc(random: &mut Random, made: &[Made], pgbackrest: &PgBackRest) -> Vec<String> {
    let mut options = Vec::new();
    let repository = random.of(made);
    match random.below(8) {
        0 | 1 => {
            let label = match repository.labels.is_empty() || random.once_in(8) {
                true => "20250101-000000F".to_owned(),
                false => random.of(&repository.labels).to_string(),
            };
            options.push(format!("--set={label}"));
        }
        2 if is_new(pgbackrest) => options.push("--oldest".to_owned()),
        _ => {}
    }
    if is_new(pgbackrest) && random.once_in(6) && !repository.segments.is_empty() {
        options.push(format!(
            "--archive-expire-before={}",
            random.of(&repository.segments)
        ));
    }
    if random.once_in(6) {
        options.push("--dry-run".to_owned());
    }
    if random.once_in(6) {
        options.push("--repo=1".to_owned());
    }
    options
}

fn is_new(pgbackrest: &PgBackRest) -> bool {
    pgbackrest.version() >= "2.59"
}

/// The log without lines that name the program, and without the place of the repository.
fn lines(outcome: &Outcome, top: &Path) -> Vec<String> {
    let top = top.display().to_string();
    let outcome = format!("{}{}", outcome.stdout, outcome.stderr);
    let shown = outcome
        .lines()
        .filter(|line| !line.contains("command begin"))
        .map(|line| line.replace(&top, ""));
    // In which order backups that depend on a missing one are dropped from the list is of no account.
    let (mut dropped, mut rest): (Vec<String>, Vec<String>) =
        shown.partition(|line| line.contains("missing manifest removed"));
    dropped.sort();
    dropped.append(&mut rest);
    dropped
}

pub(crate) fn listed(repo: &Path, encrypted: bool) -> Result<BackupInfo> {
    let storage = PosixStorage::new(PosixSettings::at(repo));
    let pass = encrypted.then(|| SecretString::from(PASS));
    Ok(BackupInfo::load(
        &storage,
        &Stanza::new("demo")?,
        pass.as_ref(),
    )?)
}

fn copy_tree(from: &PathBuf, to: &PathBuf) -> Result<()> {
    let copied = run(std::process::Command::new("cp").arg("-a").arg(from).arg(to))?;
    copied.success()?;
    Ok(())
}
