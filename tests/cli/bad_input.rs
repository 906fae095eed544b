//! Options, stanzas, repositories and targets that cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::case::{Result, Same, State, fail_in, fails_alike, has_hint};

const BACKUP: &[&str] = &["--no-online", "--type=full", "--job-retry=0", "backup"];

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program) -> TestResult;
    let cases: &[(&str, Case)] = &[
        ("a_misspelled_option_is_refused", |program| {
            fails_alike(program, nothing, &["--bogus=1", "info"], Same::Text)
        }),
        ("a_value_out_of_range_is_refused", |program| {
            fails_alike(
                program,
                nothing,
                &["--process-max=1000", "--no-online", "backup"],
                Same::Text,
            )
        }),
        ("a_secret_on_the_command_line_is_refused", |program| {
            fails_alike(
                program,
                nothing,
                &["--repo1-cipher-pass=x", "info"],
                Same::Text,
            )
        }),
        (
            "an_option_in_the_wrong_section_is_warned_about",
            wrong_section,
        ),
        ("a_missing_stanza_is_explained", missing_stanza),
        ("a_cluster_with_another_system_id_is_refused", |program| {
            let other =
                |state: &State| replace_cluster(state, DataDirBuilder::new("15")?.system_id(42));
            fails_alike(program, other, BACKUP, Same::Code)
        }),
        ("a_cluster_of_another_version_is_refused", |program| {
            fails_alike(
                program,
                |state| replace_cluster(state, DataDirBuilder::new("17")?),
                BACKUP,
                Same::Code,
            )
        }),
        (
            "a_stanza_of_another_cluster_is_not_created_again",
            |program| {
                let other = |state: &State| {
                    replace_cluster(state, DataDirBuilder::new("15")?.system_id(42))
                };
                fails_alike(
                    program,
                    other,
                    &["--no-online", "stanza-create"],
                    Same::Text,
                )
            },
        ),
        ("a_damaged_info_file_is_read_from_its_copy", damaged_main),
        ("a_damaged_info_file_and_copy_end_the_command", |program| {
            fails_alike(
                program,
                |state| damage(state, &["backup.info", "backup.info.copy"]),
                BACKUP,
                Same::Code,
            )
        }),
        (
            "a_truncated_info_file_and_copy_end_the_command",
            |program| fails_alike(program, truncate_both, BACKUP, Same::Code),
        ),
        ("an_unreadable_directory_ends_the_backup", |program| {
            let lock = |state: &State| set_mode(&state.scratch.join("data/base/1"), 0o000);
            fails_alike(program, lock, BACKUP, Same::Code)
        }),
        ("an_unreadable_file_ends_the_backup", |program| {
            let lock = |state: &State| set_mode(&state.scratch.join("data/base/1/16384"), 0o000);
            fails_alike_but_leaves_a_partial_set(program, lock)
        }),
        ("a_running_cluster_is_not_backed_up_offline", |program| {
            fails_alike(program, run_cluster, BACKUP, Same::Text)
        }),
        ("a_full_target_is_not_restored_over", |program| {
            fails_alike(program, nothing, &["restore"], Same::Text)
        }),
        ("a_running_cluster_is_not_restored_over", |program| {
            fails_alike(program, run_cluster, &["--delta", "restore"], Same::Text)
        }),
        ("an_unknown_set_is_not_restored", |program| {
            fails_alike(
                program,
                empty_target,
                &["--set=20200101-000000F", "restore"],
                Same::Text,
            )
        }),
        ("a_stop_file_stops_the_backup", |program| {
            let stop = |state: &State| Ok(state.pgbackrest(&["stop"])?.success().map(drop)?);
            fails_alike(program, stop, BACKUP, Same::Text)
        }),
        (
            "a_segment_pushed_again_with_other_content_is_refused",
            duplicate_segment,
        ),
        ("a_segment_of_another_cluster_is_refused", foreign_segment),
        (
            "a_full_disk_ends_the_backup_and_leaves_the_repository_valid",
            full_disk,
        ),
        (
            "a_repository_that_cannot_be_written_ends_the_command",
            |program| {
                fails_alike(
                    program,
                    |state| set_mode(&state.in_repo("backup/main"), 0o500),
                    BACKUP,
                    Same::Code,
                )
            },
        ),
    ];
    for (name, case) in cases {
        let program = Arc::clone(program);
        suite = suite.test(*name, move || case(&program));
    }
    suite
}

fn nothing(_: &State) -> Result<()> {
    Ok(())
}

fn replace_cluster(state: &State, builder: DataDirBuilder) -> Result<()> {
    fs::remove_dir_all(state.scratch.join("data"))?;
    state.data_dir("data", &builder)?;
    Ok(())
}

fn empty_target(state: &State) -> Result<()> {
    fs::remove_dir_all(state.scratch.join("data"))?;
    state.scratch.make_dir("data")?;
    set_mode(&state.scratch.join("data"), 0o700)
}

fn set_mode(path: &std::path::Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

fn run_cluster(state: &State) -> Result<()> {
    state.scratch.write("data/postmaster.pid", "1\n")?;
    Ok(())
}

/// Changes a character inside, so that the checksum does not fit any more.
fn damage(state: &State, names: &[&str]) -> Result<()> {
    for name in names {
        let path = state.in_repo("backup/main").join(name);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, text.replace("db-id=1", "db-id=2"))?;
    }
    Ok(())
}

fn truncate_both(state: &State) -> Result<()> {
    for name in ["backup.info", "backup.info.copy"] {
        let path = state.in_repo("backup/main").join(name);
        let bytes = fs::read(&path)?;
        fs::write(&path, &bytes[..bytes.len() / 2])?;
    }
    Ok(())
}

fn missing_stanza(program: &Program) -> TestResult {
    let state = State::without_stanza()?;
    fail_in(program, &state, BACKUP, Same::Code)?;
    has_hint(&state.ours(program, BACKUP)?)
}

fn wrong_section(program: &Program) -> TestResult {
    let state = State::new()?;
    let mut text = fs::read_to_string(&state.config)?;
    text = text.replace("[global]\n", "[global]\npg1-path=/somewhere\nbogus=1\n");
    state.scratch.write("test.conf", text)?;
    let create = &["--no-online", "stanza-create"];
    let (theirs, ours) = (
        state.pgbackrest(create)?.success()?,
        state.ours(program, create)?.success()?,
    );
    if theirs.stdout != ours.stdout {
        return Err(format!(
            "pgBackRest:\n{}\nthis program:\n{}",
            theirs.stdout, ours.stdout
        )
        .into());
    }
    if !ours
        .stdout
        .contains("configuration file contains stanza-only option 'pg1-path'")
    {
        return Err(format!("no warning in:\n{}", ours.stdout).into());
    }
    Ok(())
}

fn damaged_main(program: &Program) -> TestResult {
    let state = State::new()?;
    damage(&state, &["backup.info"])?;
    state.ours(program, BACKUP)?.success()?;
    // Saved again whole: pgBackRest reads it.
    let info = state.pgbackrest(&["info"])?.success()?;
    if info.stdout.matches("full backup: ").count() != 2 {
        return Err(format!("two backups should be listed:\n{}", info.stdout).into());
    }
    Ok(())
}

/// The set that was started may stay (it is not listed); everything that was there before must be as it was.
fn fails_alike_but_leaves_a_partial_set(
    program: &Program,
    prepare: impl Fn(&State) -> Result<()>,
) -> TestResult {
    let state = State::new()?;
    prepare(&state)?;
    let theirs = state.pgbackrest(BACKUP)?;
    let ours = state.ours(program, BACKUP)?;
    if ours.code != theirs.code || ours.code == 0 {
        return Err(format!(
            "codes {} and {}\n{}\n{}",
            theirs.code, ours.code, theirs.stdout, ours.stdout
        )
        .into());
    }
    repository_is_valid(&state)
}

fn repository_is_valid(state: &State) -> TestResult {
    let verified = state
        .pgbackrest(&["--output=text", "--verbose", "verify"])?
        .success()?;
    if verified.stdout.contains("status: ok") {
        return Ok(());
    }
    Err(format!("the repository is not valid:\n{}", verified.stdout).into())
}

fn duplicate_segment(program: &Program) -> TestResult {
    let state = State::new()?;
    let builder = DataDirBuilder::new("15")?;
    let name = "000000010000000000000001";
    let path = state
        .scratch
        .write(format!("data/pg_wal/{name}"), builder.wal_segment(1))?;
    let push = path.display().to_string();
    state.ours(program, &["archive-push", &push])?.success()?;
    // The same bytes again are fine.
    state.ours(program, &["archive-push", &push])?.success()?;
    state
        .scratch
        .write(format!("data/pg_wal/{name}"), builder.wal_segment(2))?;
    fail_in(program, &state, &["archive-push", &push], Same::Text)
}

fn foreign_segment(program: &Program) -> TestResult {
    let state = State::new()?;
    let builder = DataDirBuilder::new("15")?.system_id(42);
    let path = state.scratch.write(
        "data/pg_wal/000000010000000000000001",
        builder.wal_segment(1),
    )?;
    fail_in(
        program,
        &state,
        &["archive-push", &path.display().to_string()],
        Same::Text,
    )
}

/// A repository on a file system of two megabytes (needs root to mount it).
fn full_disk(program: &Program) -> TestResult {
    let state = State::new()?;
    let place = state.scratch.make_dir("small")?;
    let mount = Mount::tmpfs(&place, "size=600k")?;
    state.scratch.account().own_tree(&place)?;
    let arguments = |command: &[&str]| -> Vec<String> {
        let mut all = vec![format!("--repo1-path={}", place.display())];
        all.extend(command.iter().map(|word| (*word).to_owned()));
        all
    };
    let ours = |command: &[&str]| {
        let all = arguments(command);
        state.ours(program, &all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let theirs = |command: &[&str]| {
        let all = arguments(command);
        state.pgbackrest(&all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    ours(&["--no-online", "stanza-create"])?.success()?;
    ours(BACKUP)?.success()?;
    let noise: Vec<u8> = (0..2_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    state.scratch.write("data/base/1/16999", &noise)?;
    let failed = ours(&[
        "--no-online",
        "--type=full",
        "--compress-type=none",
        "--job-retry=0",
        "backup",
    ])?;
    let expected = theirs(&[
        "--no-online",
        "--type=full",
        "--compress-type=none",
        "--job-retry=0",
        "backup",
    ])?;
    if failed.code != expected.code || failed.code == 0 {
        return Err(format!(
            "codes {} and {}\n{}\n{}",
            expected.code, failed.code, expected.stdout, failed.stdout
        )
        .into());
    }
    // Room again: the next run succeeds.
    fs::remove_file(state.scratch.join("data/base/1/16999"))?;
    ours(&["--no-online", "--type=full", "--no-resume", "backup"])?.success()?;
    let verified = theirs(&["--output=text", "--verbose", "verify"])?.success()?;
    drop(mount);
    if verified.stdout.contains("status: ok") {
        return Ok(());
    }
    Err(format!("the repository is not valid:\n{}", verified.stdout).into())
}

/// A mount that goes when it is dropped.
struct Mount(std::path::PathBuf);

impl Mount {
    fn tmpfs(place: &std::path::Path, options: &str) -> Result<Self> {
        let status = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "pgkeep-test"])
            .arg(place)
            .stderr(std::process::Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            return Ok(Self(place.to_owned()));
        }
        Err(Error::missing("the right to mount a small file system").into())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
