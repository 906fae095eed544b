//! The policies that the guides give for keys of a bucket, and the letters for signatures of Azure: with each, the commands work that the guide says, on a server that
//! enforces it; each right in it is needed, and doctor names the one that is missing.
//!
//! The JSON is taken from the page. The server for S3 is moto, which looks at actions and resources and ignores conditions. It knows
//! no rights for tags, keys of KMS and locks, so nothing here shows that those on the page are right. No server at hand
//! enforces rights of Google's.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod azure;
mod policy;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use policy::Policy;
use stage::Stage;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

type Test = fn(&Program) -> TestResult;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("bucket_rights: {error}");
            return ExitCode::FAILURE;
        }
    };
    let tests: [(&str, Test); 9] = [
        (
            "every_command_works_with_the_policy_of_a_database_host",
            all,
        ),
        ("every_right_of_a_database_host_is_needed", none_is_spare),
        ("a_key_that_may_only_restore_restores", restore_only),
        ("a_key_that_may_not_remove_backs_up_and_archives", keep),
        ("the_past_needs_the_rights_of_versions", past),
        ("pgbackrest_works_with_the_policy", theirs_with_our_policy),
        ("every_letter_of_a_signature_of_azure_is_needed", azure::all),
        (
            "a_signature_of_azure_with_fewer_letters_keeps_or_reads",
            azure::fewer,
        ),
        (
            "a_policy_of_pgbackrest_works_and_doctor_warns",
            their_policy,
        ),
    ];
    let mut suite = Suite::new("bucket_rights").threads(2);
    for (name, test) in tests {
        let program = Arc::clone(&program);
        suite = suite.test(name, move || test(&program));
    }
    suite.run()
}

/// All that a database host does, each command on what the ones before have left; the first that fails is told.
const LIFE: &[&[&str]] = &[
    &["--no-online", "stanza-create"],
    &["archive-push", "SEGMENT"],
    &["--no-online", "--type=full", "backup"],
    // Two fulls are kept, so that the third expires the first.
    &["--no-online", "--type=full", "backup"],
    &["--no-online", "--type=full", "backup"],
    &["archive-get", "000000010000000000000001", "FETCHED"],
    &["--delta", "--type=none", "restore"],
    &["expire"],
    &["verify"],
    &["info"],
    &["repo-ls"],
    &["--no-online", "stanza-upgrade"],
];

/// Ends the stanza.
const END: &[&[&str]] = &[&["stop"], &["--force", "stanza-delete"], &["start"]];

fn all(program: &Program) -> TestResult {
    let stage = Stage::new(program, &Policy::named("backup.json")?)?;
    for arguments in [LIFE, END].concat() {
        stage.run(arguments)?.success()?;
    }
    let rights = stage.doctor()?;
    let said: Vec<&str> = rights.iter().map(|one| one.seen.as_str()).collect();
    for right in Policy::named("backup.json")?.rights() {
        if !said.iter().any(|seen| seen.contains(&right)) {
            return Err(format!("doctor does not tell {right}: {said:?}").into());
        }
    }
    if rights.iter().any(|one| one.result != "ok") {
        return Err(format!("doctor misses something: {said:?}").into());
    }
    stage.is_clean()
}

/// What nothing fails without: uploads that died stay where they are.
const TIDYING: [&str; 2] = ["s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads"];

/// Commands of which each right is needed by one at least; they need nothing of each other.
const NEEDING: &[&[&str]] = &[
    &["archive-push", "SEGMENT"],
    &["--no-online", "--no-expire-auto", "--type=full", "backup"],
    &["--repo1-retention-full=1", "expire"],
    &["--delta", "--type=none", "restore"],
];

fn none_is_spare(program: &Program) -> TestResult {
    let whole = Policy::named("backup.json")?;
    let stage = Stage::new(program, &whole)?;
    for arguments in &LIFE[..4] {
        stage.run(arguments)?.success()?;
    }
    for right in whole.rights() {
        stage.allow(&whole.without(&right))?;
        let found = stage.doctor()?;
        let missing: Vec<&str> = found
            .iter()
            .filter(|one| one.result != "ok")
            .map(|one| one.seen.as_str())
            .collect();
        let named = format!("{right} is not allowed");
        if missing.len() != 1 || !missing[0].starts_with(&named) {
            return Err(format!("without {right} doctor says {missing:?}").into());
        }
        let mut failed = Vec::new();
        for arguments in NEEDING {
            let outcome = stage.run(arguments)?;
            if outcome.stderr.contains("panicked") {
                return Err(format!("without {right}: {}", outcome.stderr).into());
            }
            if outcome.code != 0 {
                failed.push(arguments.join(" "));
            }
        }
        if failed.is_empty() != TIDYING.contains(&right.as_str()) {
            return Err(format!("without {right} these fail: {failed:?}").into());
        }
    }
    // What was refused has left nothing that hinders.
    stage.allow(&whole)?;
    for arguments in [&LIFE[1..], END].concat() {
        stage.run(arguments)?.success()?;
    }
    Ok(())
}

/// A repository with two backups, made by somebody who may.
fn with_backups(program: &Program) -> Result<Stage<'_>> {
    let stage = Stage::new(program, &Policy::named("backup.json")?)?;
    for arguments in &LIFE[..4] {
        stage.run(arguments)?.success()?;
    }
    Ok(stage)
}

/// All that a host does that only restores.
const READING: &[&[&str]] = &[
    &["--delta", "--type=none", "restore"],
    &["archive-get", "000000010000000000000001", "FETCHED"],
    &["info"],
    &["verify"],
    &["repo-ls"],
    &["repo-get", "backup/main/backup.info"],
];

fn restore_only(program: &Program) -> TestResult {
    let stage = with_backups(program)?;
    let policy = Policy::named("restore.json")?;
    stage.allow(&policy)?;
    for arguments in READING {
        stage.run(arguments)?.success()?;
    }
    let writing: [&[&str]; 3] = [
        &["archive-push", "OTHER"],
        &["--no-online", "backup"],
        &["--repo1-retention-full=1", "expire"],
    ];
    for arguments in writing {
        stage.refused(arguments)?;
    }
    for right in policy.rights() {
        stage.allow(&policy.without(&right))?;
        let mut worked = 0;
        for arguments in READING {
            worked += usize::from(stage.run(arguments)?.code == 0);
        }
        if worked == READING.len() {
            return Err(format!("nothing needs {right}").into());
        }
    }
    Ok(())
}

/// All that a host does that must not remove anything.
const KEEPING: &[&[&str]] = &[
    &["--no-online", "stanza-create"],
    &["archive-push", "SEGMENT"],
    &["--no-online", "--no-expire-auto", "--type=full", "backup"],
    &["--no-online", "--no-expire-auto", "--type=full", "backup"],
    &["--delta", "--type=none", "restore"],
    &["verify"],
];

fn keep(program: &Program) -> TestResult {
    let policy = Policy::named("keep.json")?;
    let stage = Stage::new(program, &policy)?;
    for arguments in KEEPING {
        stage.run(arguments)?.success()?;
    }
    stage.refused(&["--repo1-retention-full=1", "expire"])?;
    stage.run(&["stop"])?.success()?;
    stage.refused(&["--force", "stanza-delete"])?;
    stage.run(&["start"])?.success()?;
    stage.run(&["verify"])?.success()?;
    // The other host removes what this one keeps.
    stage.allow(&Policy::named("backup.json")?)?;
    stage
        .run(&["--repo1-retention-full=1", "expire"])?
        .success()?;
    stage.run(&["verify"])?.success()?;
    Ok(())
}

fn past(program: &Program) -> TestResult {
    let stage = Stage::new(program, &Policy::named("backup.json")?)?;
    stage.keep_versions()?;
    for arguments in &LIFE[..4] {
        stage.run(arguments)?.success()?;
    }
    let restore = Policy::named("restore.json")?;
    let versions = restore
        .with("s3:ListBucketVersions", "")
        .with("s3:GetObjectVersion", "/repo/*");
    let at: &[&str] = &["--repo=1", "--repo-target-time=2099-01-01 00:00:00+00"];
    let look = |command: &[&str]| stage.run(&[at, command].concat());
    stage.allow(&versions)?;
    let said = look(&["info"])?.success()?.stdout;
    if said.matches("full backup: ").count() != 2 {
        return Err(format!("info: {said}").into());
    }
    look(&["--delta", "--type=none", "restore"])?.success()?;
    for right in ["s3:ListBucketVersions", "s3:GetObjectVersion"] {
        stage.allow(&versions.without(right))?;
        if look(&["--delta", "--type=none", "restore"])?.code == 0 {
            return Err(format!("nothing needs {right}").into());
        }
    }
    Ok(())
}

fn theirs_with_our_policy(program: &Program) -> TestResult {
    let pgbackrest = PgBackRest::mandatory()?;
    let stage = Stage::new(program, &Policy::named("backup.json")?)?;
    for arguments in &LIFE[..8] {
        stage.theirs(&pgbackrest, arguments)?.success()?;
    }
    // Both have the same rights, so ours goes on.
    for arguments in &LIFE[6..] {
        stage.run(arguments)?.success()?;
    }
    Ok(())
}

/// The rights that pgBackRest's guide names, with the same resources.
const THEIRS: &[(&str, &str)] = &[
    ("s3:ListBucket", ""),
    ("s3:PutObject", "/repo/*"),
    ("s3:PutObjectTagging", "/repo/*"),
    ("s3:GetObject", "/repo/*"),
    ("s3:GetObjectVersion", "/repo/*"),
    ("s3:DeleteObject", "/repo/*"),
];

fn their_policy(program: &Program) -> TestResult {
    let policy = THEIRS
        .iter()
        .fold(Policy::empty(), |policy, (right, below)| {
            policy.with(right, below)
        });
    let stage = Stage::new(program, &policy)?;
    for arguments in [LIFE, END].concat() {
        stage.run(arguments)?.success()?;
    }
    let found = stage.doctor()?;
    let mut missing: Vec<&str> = found
        .iter()
        .filter(|one| one.result != "ok")
        .map(|one| one.seen.split(' ').next().unwrap_or_default())
        .collect();
    missing.sort_unstable();
    let warned = found
        .iter()
        .all(|one| ["ok", "warn"].contains(&one.result.as_str()));
    if missing != TIDYING || !warned {
        let all: Vec<&str> = found.iter().map(|one| one.seen.as_str()).collect();
        return Err(format!("doctor says {all:?}").into());
    }
    Ok(())
}
