//! What a run leaves behind and needs: modes, no temporary file, no child, no secret in its title, nothing of a login.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program) -> TestResult;
    let cases: &[(&str, Case)] = &[
        ("modes_and_owner_do_not_depend_on_the_umask", modes),
        (
            "cron_gives_no_home_no_terminal_and_closed_descriptors",
            cron,
        ),
        (
            "a_log_that_was_rotated_away_is_not_written_to_by_the_next_run",
            rotated,
        ),
        ("root_is_refused_where_pgbackrest_refuses", root),
        (
            "a_crashed_run_leaves_a_lock_that_the_next_takes",
            left_over_lock,
        ),
        (
            "stop_with_force_ends_what_runs_and_start_lets_it_run_again",
            stop_force,
        ),
        ("a_stanza_is_made_once_and_deleted_whole", stanza_life),
    ];
    for (name, case) in cases {
        let program = Arc::clone(program);
        suite = suite.test(*name, move || case(&program));
    }
    suite
}

/// The same tree with the same modes and owners as pgBackRest makes, under a umask that takes everything.
fn modes(program: &Program) -> TestResult {
    let state = State::new(&[("repo1-path", "SCRATCH/repo")])?;
    let trees = |name: &str, path: &Path| -> Result<Vec<String>> {
        let script = "umask 0077; exec \"$@\"";
        for command in [&["stanza-create"][..], &["--type=full", "backup"]] {
            run(as_account(&state, script)
                .arg(path)
                .arg(format!("--config={}", state.config.display()))
                .arg(format!(
                    "--repo1-path={}",
                    state.scratch.join(name).display()
                ))
                .args(["--stanza=main", "--no-online", "--log-level-console=info"])
                .args(command))?
            .success()?;
        }
        let mut found = Vec::new();
        walk(&state.scratch.join(name), "", &mut found)?;
        found.sort();
        found.dedup();
        Ok(found)
    };
    let theirs = trees("theirs", state.pgbackrest.path())?;
    let ours = trees("ours", program.link())?;
    if ours != theirs {
        return Err(format!("ours {ours:#?}\npgBackRest's {theirs:#?}").into());
    }
    let temporary = fs::read_dir(state.scratch.path())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|name| name.contains(".pgbackrest.tmp"));
    match temporary {
        Some(name) => Err(format!("{name} was left").into()),
        None => Ok(()),
    }
}

/// Names without labels, modes and owners.
pub fn walk(path: &Path, below: &str, found: &mut Vec<String>) -> TestResult {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if name.starts_with("20") {
            "LABEL".to_owned()
        } else {
            name
        };
        let name = format!("{below}/{name}");
        found.push(format!(
            "{name} {:o} {}:{}",
            metadata.mode(),
            metadata.uid(),
            metadata.gid()
        ));
        if metadata.is_dir() {
            walk(&entry.path(), &name, found)?;
        }
    }
    Ok(())
}

/// A shell of the server account that runs `script` with the arguments that follow.
fn as_account(state: &State, script: &str) -> Command {
    let account = state.scratch.account();
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={}", account.uid()))
        .arg(format!("--regid={}", account.gid()))
        .args(["--clear-groups", "sh", "-c", script, "sh"]);
    command
}

fn cron(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    for closed in [
        "exec \"$@\" <&- >&- 2>&-",
        "exec \"$@\" <&- >/dev/null 2>&-",
    ] {
        run(as_account(&state, closed)
            .arg(program.path())
            .arg(format!("--config={}", state.config.display()))
            .args([
                "--stanza=main",
                "--no-online",
                "--type=full",
                "--log-level-console=info",
                "backup",
            ])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/"))?
        .success()?;
    }
    // A descriptor that was closed must not have become the output: nothing of the log is in the repository's files.
    state.as_pgkeep(program, &["verify"])?.success()?;
    match state.labels()?.len() {
        3 => Ok(()),
        other => Err(format!("{other} backups").into()),
    }
}

fn rotated(program: &Program) -> TestResult {
    let state = State::with_backup(&[("log-level-file", "info")])?;
    let expire = |what: &str| -> TestResult {
        state
            .as_pgkeep(program, &["expire"])?
            .success()
            .map_err(|error| format!("{what}: {error}"))?;
        Ok(())
    };
    expire("first")?;
    let log = state.scratch.join("log/main-expire.log");
    let old = state.scratch.join("log/main-expire.log.1");
    let before = fs::read_to_string(&log)?;
    fs::rename(&log, &old)?;
    expire("second")?;
    let metadata = fs::metadata(&log)?;
    if metadata.permissions().mode() & 0o777 != 0o640 {
        return Err(format!("mode {:o}", metadata.permissions().mode()).into());
    }
    if fs::read_to_string(&old)? != before
        || !fs::read_to_string(&log)?.contains("expire command end")
    {
        return Err("the lines went to the wrong file".into());
    }
    Ok(())
}

fn root(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    for command in ["backup", "expire", "info", "verify"] {
        let arguments = [
            format!("--config={}", state.config.display()),
            "--stanza=main".to_owned(),
            command.to_owned(),
        ];
        let theirs = run(Command::new(state.pgbackrest.path()).args(&arguments))?;
        let ours = run(Command::new(program.link()).args(&arguments))?;
        if ours.code != theirs.code {
            return Err(format!(
                "{command} as root: {} instead of {}\n{}{}",
                ours.code, theirs.code, theirs.stdout, ours.stdout
            )
            .into());
        }
    }
    Ok(())
}

fn left_over_lock(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    state
        .scratch
        .write("lock/main-backup-1.lock", r#"{"execId":"1-0","pid":1}"#)?;
    state
        .as_pgkeep(program, &["--no-online", "--type=full", "backup"])?
        .success()?;
    match state.scratch.join("lock/main-backup-1.lock").exists() {
        true => Err("the lock file is still there".into()),
        false => Ok(()),
    }
}

fn stop_force(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    // A process that holds the lock as a backup would.
    let lock = state.scratch.write("lock/main-backup-1.lock", "")?;
    let script = "echo \"{\\\"execId\\\":\\\"$$-0\\\",\\\"pid\\\":$$}\" >\"$1\"; echo ready; while :; do read x; done";
    let mut holder = as_account(&state, "exec flock \"$1\" sh -c \"$2\" sh \"$1\"")
        .arg(&lock)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0; 5];
    std::io::Read::read_exact(
        &mut holder.stdout.take().ok_or("stdout is piped")?,
        &mut ready,
    )?;
    let stopped = state
        .as_pgkeep(program, &["--log-level-console=info", "--force", "stop"])?
        .success()?;
    let ended = holder.wait()?;
    if ended.success() || !stopped.stdout.contains("sent term signal to process") {
        return Err(format!("{ended}: {}", stopped.stdout).into());
    }
    let backup = ["--no-online", "--type=full", "backup"];
    state.as_pgkeep(program, &backup)?.expect_code(62)?;
    state.as_pgkeep(program, &["start"])?.success()?;
    state.as_pgkeep(program, &backup)?.success()?;
    Ok(())
}

fn stanza_life(program: &Program) -> TestResult {
    let state = State::new(&[])?;
    let create = ["--no-online", "--log-level-console=info", "stanza-create"];
    state.as_pgkeep(program, &create)?.success()?;
    let again = state.as_pgkeep(program, &create)?.success()?;
    if !again
        .stdout
        .contains("already exists on repo1 and is valid")
    {
        return Err(again.stdout.into());
    }
    // A run that died between the two files of a pair is finished by the next.
    fs::remove_file(state.in_repo("backup/main/backup.info.copy"))?;
    state.as_pgkeep(program, &create)?.success()?;
    state
        .as_pgkeep(program, &["--no-online", "--type=full", "backup"])?
        .success()?;
    state
        .as_pgkeep(program, &["stanza-delete"])?
        .expect_code(55)?;
    state.as_pgkeep(program, &["stop"])?.success()?;
    state.as_pgkeep(program, &["stanza-delete"])?.success()?;
    let left = ["backup/main", "archive/main"].map(|name| state.in_repo(name).exists());
    if left != [false; 2] {
        return Err("directories of the stanza are left".into());
    }
    state.as_pgkeep(program, &create)?.success()?;
    Ok(())
}
