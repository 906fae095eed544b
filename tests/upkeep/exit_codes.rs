//! Every documented exit code comes out of the program, or stands in one of two lists that say why it does not.
//!
//! Codes for what a failing disk does are asked from the table of storage errors; the suite `faults` makes disks fail.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use pgkeep_command::error::{ErrorCode, storage_code};
use pgkeep_storage::{Error, ErrorKind, Operation};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

type Case = fn(&Program) -> Result<Outcome>;

/// What is done, and the code that it must end with.
const CASES: &[(u8, &str, Case)] = &[
    (26, "verify_of_a_damaged_file", |program| {
        let state = State::with_backup(&[])?;
        damage_file(&state)?;
        state.as_pgkeep(program, &["verify"])
    }),
    (27, "check_without_a_cluster", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["check"])
    }),
    (28, "a_stanza_of_another_cluster", |program| {
        let state = State::with_backup(&[])?;
        state.cluster(&DataDirBuilder::new("15")?.system_id(42))?;
        state.as_pgkeep(program, &["--no-online", "stanza-create"])
    }),
    (29, "a_configuration_that_is_none", |program| {
        let state = State::new(&[])?;
        state.scratch.write("test.conf", "no section\n")?;
        state.as_pgkeep(program, &["info"])
    }),
    (30, "no_command", |program| {
        Ok(run(program.command().arg("--stanza=main"))?)
    }),
    (31, "an_unknown_option", |program| {
        Ok(program.run(["--bogus=1", "info"])?)
    }),
    (32, "a_value_that_is_not_allowed", |program| {
        Ok(program.run(["--no-config", "--output=xml", "info"])?)
    }),
    (37, "no_stanza", |program| {
        Ok(program.run(["--no-config", "backup"])?)
    }),
    (38, "restore_over_a_running_cluster", |program| {
        let state = State::with_backup(&[])?;
        state.scratch.write("data/postmaster.pid", "1\n")?;
        state.as_pgkeep(program, &["--delta", "restore"])
    }),
    (40, "restore_into_a_directory_with_files", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["restore"])
    }),
    (41, "a_file_that_may_not_be_read", |program| {
        let state = State::with_backup(&[])?;
        mode(&state, "data/base/1/16384", 0o000)?;
        state.as_pgkeep(program, FULL)
    }),
    (43, "archive_push_of_nothing", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["archive-push"])
    }),
    (44, "a_segment_of_another_cluster", |program| {
        let state = State::with_backup(&[])?;
        let segment = DataDirBuilder::new("15")?.system_id(42).wal_segment(1);
        push(&state, program, &segment)
    }),
    (45, "a_segment_again_with_other_content", |program| {
        let state = State::with_backup(&[])?;
        state.push(1)?;
        let mut segment = DataDirBuilder::new("15")?.wal_segment(1);
        *segment.last_mut().ok_or("a segment has bytes")? ^= 1;
        push(&state, program, &segment)
    }),
    (46, "a_cluster_of_a_version_to_come", |program| {
        let state = State::with_backup(&[])?;
        let path = state.scratch.join("data/global/pg_control");
        let mut bytes = fs::read(&path)?;
        bytes[8..16].copy_from_slice(&[0xff; 8]);
        fs::write(path, bytes)?;
        state.as_pgkeep(program, FULL)
    }),
    (47, "a_repository_that_cannot_be_made", |program| {
        let state = State::new(&[("repo1-path", "/proc/nowhere")])?;
        state.as_pgkeep(program, &["--no-online", "stanza-create"])
    }),
    (48, "an_unknown_command", |program| {
        Ok(program.run(["bogus"])?)
    }),
    (49, "a_host_that_does_not_answer", |program| {
        let state = State::new(&[
            ("repo1-type", "sftp"),
            ("repo1-sftp-host", "127.0.0.1"),
            ("repo1-sftp-host-port", "9"),
            ("repo1-sftp-host-user", "nobody"),
            ("repo1-sftp-host-key-hash-type", "sha256"),
            ("repo1-sftp-private-key-file", "SCRATCH/key"),
            ("io-timeout", "1"),
            ("protocol-timeout", "31"),
            ("db-timeout", "20"),
        ])?;
        let key = state.scratch.join("key");
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key))?
        .success()?;
        state.scratch.account().own_tree(state.scratch.path())?;
        state.as_pgkeep(program, &["repo-ls"])
    }),
    (50, "a_lock_that_is_held", |program| {
        let state = State::with_backup(&[])?;
        let path = state
            .scratch
            .write("lock/main-backup-1.lock", r#"{"execId":"1-0","pid":1}"#)?;
        let file = fs::File::open(path)?;
        file.try_lock()?;
        state.as_pgkeep(program, FULL)
    }),
    (51, "a_backup_of_another_cluster", |program| {
        let state = State::with_backup(&[])?;
        state.cluster(&DataDirBuilder::new("15")?.system_id(42))?;
        state.as_pgkeep(program, FULL)
    }),
    (53, "a_directory_that_may_not_be_listed", |program| {
        let state = State::with_backup(&[])?;
        mode(&state, "data/base/1", 0o000)?;
        state.as_pgkeep(program, FULL)
    }),
    (55, "a_stanza_that_was_not_made", |program| {
        let state = State::new(&[])?;
        state.as_pgkeep(program, FULL)
    }),
    (56, "a_server_that_is_not_there", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["stanza-create"])
    }),
    (62, "a_stanza_that_was_stopped", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["stop"])?.success()?;
        state.as_pgkeep(program, FULL)
    }),
    (64, "output_to_a_full_disk", |program| {
        let config = ["version"];
        let full = fs::OpenOptions::new().write(true).open("/dev/full")?;
        let status = program
            .command()
            .args(config)
            .stdout(Stdio::from(full))
            .status()?;
        coded("version to a full disk", status.code())
    }),
    (69, "a_file_in_the_place_of_a_tablespace", |program| {
        let state = State::with_backup(&[])?;
        state.scratch.write("data/pg_tblspc/1", "x")?;
        state.as_pgkeep(program, FULL)
    }),
    (70, "a_link_into_the_data_directory", |program| {
        let state = State::with_backup(&[])?;
        let link = state.scratch.join("data/inside");
        std::os::unix::fs::symlink(state.scratch.join("data/base"), link)?;
        state.as_pgkeep(program, FULL)
    }),
    (75, "an_unknown_set", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["--delta", "--set=20200101-000000F", "restore"])
    }),
    (76, "a_tablespace_that_is_not_in_the_set", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(
            program,
            &["--delta", "--tablespace-map=nope=/tmp/nope", "restore"],
        )
    }),
    (78, "a_link_that_is_not_in_the_set", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(
            program,
            &["--delta", "--link-map=nope=/tmp/nope", "restore"],
        )
    }),
    (80, "a_database_that_is_not_in_the_set", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["--delta", "--db-include=nope", "restore"])
    }),
    (95, "a_wrong_pass_phrase", |program| {
        let mut state = State::with_backup(&[
            ("repo1-cipher-type", "aes-256-cbc"),
            ("repo1-cipher-pass", "secret"),
        ])?;
        state.configuration = state.configuration.global("repo1-cipher-pass", "other");
        state.config = state.configuration.write(&state.scratch, "other.conf")?;
        state.as_pgkeep(program, FULL)
    }),
    (96, "a_parameter_too_many", |program| {
        let state = State::with_backup(&[])?;
        state.as_pgkeep(program, &["repo-ls", "/elsewhere"])
    }),
    (104, "an_expire_that_fails_in_a_repository", |program| {
        let state = State::with_backup(&[])?;
        let label = state.labels()?.remove(0);
        state.as_pgkeep(program, &[&format!("--set={label}"), "expire"])
    }),
];

/// Codes that other tests produce: the file that does, and words of it.
const ELSEWHERE: &[(u8, &str, &str)] = &[
    (
        42,
        "crates/command/src/archive_get/tests.rs",
        "ErrorCode::FileRead",
    ),
    (57, "tests/upkeep/checks.rs", "expect_code(57)"),
    (58, "tests/upkeep/checks.rs", "expect_code(58)"),
    (63, "tests/upkeep/waits.rs", "ends(&mut child, 63)"),
    (67, "tests/upkeep/checks.rs", "expect_code(67)"),
    (68, "tests/upkeep/checks.rs", "expect_code(68)"),
    (72, "tests/upkeep/checks.rs", "expect_code(72)"),
    (
        73,
        "crates/command/src/archive_push/tests.rs",
        "ErrorCode::PathMissing",
    ),
    (
        81,
        "crates/command/src/restore/tests/whole.rs",
        "ErrorCode::DbInvalid",
    ),
    (82, "tests/upkeep/checks.rs", "expect_code(82)"),
    (87, "tests/upkeep/checks.rs", "expect_code(87)"),
    (
        99,
        "crates/repo/src/backup_info/tests.rs",
        "ErrorType::JsonFormat",
    ),
    (101, "tests/sftp/identity.rs", "101,"),
    (
        103,
        "crates/command/src/archive_push/background/tests.rs",
        "ErrorCode::RepoInvalid",
    ),
    (
        106,
        "crates/repo/src/backup_label.rs",
        "assert_eq!(error.kind, ErrorType::Clock)",
    ),
];

/// Codes that need a bug, a system without memory, processes or unprivileged users (89), or that only pgBackRest's remote
/// hosts give.
const NOT_PRODUCED: &[u8] = &[25, 39, 89, 94, 97, 100, 102, 105, 122, 124, 125];

const FULL: &[&str] = &["--no-online", "--type=full", "--job-retry=0", "backup"];

/// A test for each case, and one for the lists.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (code, name, case) in CASES {
        let program = Arc::clone(program);
        suite = suite.test(format!("exit_code_{code}_for_{name}"), move || {
            case(&program)?.expect_code(i32::from(*code))?;
            Ok(())
        });
    }
    suite.test("every_documented_exit_code_is_accounted_for", accounted_for)
}

fn accounted_for() -> TestResult {
    // Codes 0 and 1 are no errors; the suites of archive-get have them.
    let mut found: BTreeSet<u8> = CASES.iter().map(|(code, ..)| *code).collect();
    for (code, file, words) in ELSEWHERE {
        let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
        if !fs::read_to_string(&path)?.contains(words) {
            return Err(format!("code {code}: {file} has no '{words}'").into());
        }
        found.insert(*code);
    }
    found.extend(NOT_PRODUCED);
    for operation in [
        Operation::Sync,
        Operation::SyncPath,
        Operation::Remove,
        Operation::RemovePath,
        Operation::Rename,
        Operation::Close,
        Operation::SetMode,
        Operation::SetOwner,
        Operation::SetTime,
    ] {
        let error = Error::new(ErrorKind::Denied, operation, "x", "why");
        found.insert(storage_code(&error).number());
    }
    let exists = Error::new(ErrorKind::Exists, Operation::OpenWrite, "x", "why");
    found.insert(storage_code(&exists).number());
    let all: BTreeSet<u8> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    if found == all {
        return Ok(());
    }
    Err(format!(
        "without a case: {:?}; not documented: {:?}",
        all.difference(&found).collect::<Vec<_>>(),
        found.difference(&all).collect::<Vec<_>>()
    )
    .into())
}

fn damage_file(state: &State) -> TestResult {
    let label = state.labels()?.remove(0);
    let path = state.in_repo(&format!("backup/main/{label}/pg_data/base/1/16384.gz"));
    let mut bytes = fs::read(&path)?;
    *bytes.last_mut().ok_or("the file has bytes")? ^= 1;
    Ok(fs::write(path, bytes)?)
}

fn mode(state: &State, name: &str, mode: u32) -> TestResult {
    Ok(fs::set_permissions(
        state.scratch.join(name),
        fs::Permissions::from_mode(mode),
    )?)
}

fn push(state: &State, program: &Program, segment: &[u8]) -> Result<Outcome> {
    let path = state
        .scratch
        .write("data/pg_wal/000000010000000000000001", segment)?;
    state.as_pgkeep(program, &["archive-push", &path.display().to_string()])
}

fn coded(what: &str, code: Option<i32>) -> Result<Outcome> {
    let mut echo = Command::new("true");
    let mut outcome = run(&mut echo)?;
    what.clone_into(&mut outcome.command);
    outcome.code = code.ok_or("ended by a signal")?;
    Ok(outcome)
}
