//! Runs that nobody attends: from cron or a unit, without terminal, home or input, under a umask that takes everything. What
//! they write has the modes that pgBackRest's files have.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::hygiene;
use crate::state::{Result, State};

const SEGMENT: &str = "000000010000000000000001";
const PATIENCE: Duration = Duration::from_secs(240);
/// As from cron or a unit: in a session without terminal.
const UNATTENDED: &str = "umask 0077; exec setsid -w \"$@\"";

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "unattended_runs_write_what_pgbackrest_writes_with_its_modes",
        move || modes(&program),
    )
}

fn modes(program: &Program) -> TestResult {
    let state = State::new(&[
        ("log-level-file", "info"),
        ("archive-async", "y"),
        ("compress-type", "lz4"),
    ])?;
    let segment = DataDirBuilder::new("15")?.wal_segment(1);
    let mark = format!("data/pg_wal/archive_status/{SEGMENT}.ready");
    state.scratch.write(mark, "")?;
    let wal = state
        .scratch
        .write(format!("data/pg_wal/{SEGMENT}"), segment)?;
    // pgBackRest's background process does not start when its input is closed.
    let theirs = format!("{UNATTENDED} </dev/null");
    let theirs = everything(&state, "theirs", (state.pgbackrest.path(), &theirs), &wal)?;
    let ours = format!("{UNATTENDED} <&-");
    let ours = everything(&state, "ours", (program.link(), &ours), &wal)?;
    if ours == theirs {
        return Ok(());
    }
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|line| !b.contains(line)).cloned().collect()
    };
    Err(format!(
        "ours alone {:#?}\npgBackRest's alone {:#?}",
        only(&ours, &theirs),
        only(&theirs, &ours)
    )
    .into())
}

/// A life of a stanza below the directory `name`; all that is there afterwards.
fn everything(
    state: &State,
    name: &str,
    (program, script): (&Path, &str),
    wal: &Path,
) -> Result<Vec<String>> {
    let root = state.scratch.make_dir(name)?;
    for part in ["log", "restored", "fetched"] {
        state.scratch.make_dir(format!("{name}/{part}"))?;
    }
    let wal = wal.display().to_string();
    let fetched = root.join("fetched/RECOVERYXLOG").display().to_string();
    let restored = format!("--pg1-path={}", root.join("restored").display());
    for command in [
        &["--no-online", "stanza-create"][..],
        &["archive-push", &wal],
        &["--no-online", "--type=full", "backup"],
        &["expire"],
        &["archive-get", SEGMENT, &fetched],
        &[&restored, "--type=none", "restore"],
        &["info"],
    ] {
        let account = state.scratch.account();
        let place = |option: &str, part: &str| format!("--{option}={}", root.join(part).display());
        let mut shell = Command::new("setpriv");
        shell
            .arg(format!("--reuid={}", account.uid()))
            .arg(format!("--regid={}", account.gid()))
            .args(["--clear-groups", "sh", "-c", script, "sh"])
            .arg(program)
            .arg(format!("--config={}", state.config.display()))
            .arg("--stanza=main")
            .arg(place("repo1-path", "repo"))
            .arg(place("log-path", "log"));
        let has = |word: &str| command.contains(&word);
        if has("archive-push") || has("archive-get") || has("restore") {
            shell.arg(place("spool-path", "spool"));
        }
        shell
            .arg(place("lock-path", "lock"))
            .args(command)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/");
        run(&mut shell)?.success()?;
        background_has_ended(&root.join("lock"))?;
    }
    let mut found = Vec::new();
    hygiene::walk(&root, "", &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// Waits until no background process holds a lock: it would write into the spool that a restore empties.
fn background_has_ended(locks: &Path) -> TestResult {
    let began = Instant::now();
    // Releases of pgBackRest name their lock files differently.
    while locks.is_dir() && std::fs::read_dir(locks)?.next().is_some() {
        if began.elapsed() > PATIENCE {
            return Err("the background process does not end".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
