//! Another pass-phrase: both programs go on with the repository, and whoever has only the old one is told.
//!
//! What a run that dies leaves is a test of `info_file::rekey`: each state, one by one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let [one, two, three] = [(); 3].map(|()| Arc::clone(program));
    suite
        .test("both_programs_go_on_with_another_pass_phrase", move || {
            changed(&one)
        })
        .test("a_pass_phrase_is_changed_wholly_or_not_at_all", move || {
            refused(&two)
        })
        .test("both_programs_go_on_with_other_keys", move || deep(&three))
}

const NEW: &str = "the next pass-phrase";

fn state() -> Result<State> {
    let state = State::with_backup(&[
        ("repo1-cipher-type", "aes-256-cbc"),
        ("repo1-cipher-pass", "the first pass-phrase"),
        ("lock-path", "SCRATCH/lock"),
    ])?;
    state.push(1)?;
    Ok(state)
}

fn rekey(program: &Program, config: &Path, new: &str) -> Result<Outcome> {
    Ok(run(program
        .command()
        .env("PGKEEP_REPO1_CIPHER_PASS_NEW", new)
        .arg(format!("--config={}", config.display()))
        .args(["--log-level-console=info", "repo-rekey"]))?)
}

fn with_pass(state: &State, name: &str, pass: &str) -> Result<PathBuf> {
    let text = std::fs::read_to_string(&state.config)?;
    let config = state
        .scratch
        .write(name, text.replace("the first pass-phrase", pass))?;
    state.scratch.account().own_tree(&config)?;
    Ok(config)
}

fn changed(program: &Program) -> TestResult {
    let mut state = state()?;
    let old = state.config.clone();
    let without = run(program
        .command()
        .arg(format!("--config={}", old.display()))
        .arg("repo-rekey"))?;
    let told = format!("{}{}", without.stdout, without.stderr);
    if without.code != 37 || !told.contains("HINT: add the new pass-phrase to the configuration") {
        return Err(format!("without a new pass-phrase: {without:?}").into());
    }
    let said = rekey(program, &old, NEW)?.success()?;
    if !said
        .stdout
        .contains("repo1: 4 info files have the new pass-phrase")
    {
        return Err(said.stdout.into());
    }
    if [&said.stdout, &said.stderr]
        .iter()
        .any(|text| text.contains("pass-phrase'") || text.contains(NEW))
    {
        return Err(format!("a pass-phrase is in the output: {said:?}").into());
    }
    // Run again, as after a death, it ends well too.
    rekey(program, &old, NEW)?.success()?;
    let refused = state.as_pgkeep(program, &["verify"])?;
    if refused.code == 0 {
        return Err("the old pass-phrase still opens the repository".into());
    }
    state.config = with_pass(&state, "new.conf", NEW)?;
    for outcome in [
        state.theirs(&state.with_stanza(&["verify", "--output=text"]))?,
        state.as_pgkeep(program, &["verify"])?,
        state.theirs(&state.with_stanza(&["--no-online", "--type=full", "backup"]))?,
        state.as_pgkeep(program, &["--no-online", "--type=full", "backup"])?,
    ] {
        outcome.success()?;
    }
    state.push(2)?;
    let segment = state.scratch.join("segment");
    let to = segment.display().to_string();
    state
        .as_pgkeep(program, &["archive-get", "000000010000000000000001", &to])?
        .success()?;
    state
        .theirs(&state.with_stanza(&["archive-get", "000000010000000000000002", &to]))?
        .success()?;
    Ok(())
}

fn refused(program: &Program) -> TestResult {
    let state = state()?;
    let repo = state.scratch.join("repo");
    let before = Snapshot::of(&repo, &Ignore::nothing())?;
    let plain = State::with_backup(&[])?;
    let lock = state.scratch.join("lock/main-backup-1.lock");
    let held = std::fs::File::create(&lock)?;
    state.scratch.account().own_tree(&lock)?;
    held.lock()?;
    for (what, outcome, code, words) in [
        (
            "while another command has the lock",
            rekey(program, &state.config, NEW)?,
            50,
            "unable to acquire lock",
        ),
        (
            "to the pass-phrase it has",
            rekey(program, &state.config, "the first pass-phrase")?,
            32,
            "is the pass-phrase that repo1 has",
        ),
        (
            "without encryption",
            rekey(program, &plain.config, NEW)?,
            31,
            "",
        ),
    ] {
        if outcome.code != code || !outcome.stdout.contains(words) {
            return Err(format!("{what}: {outcome:?}").into());
        }
    }
    held.unlock()?;
    let wrong = with_pass(&state, "wrong.conf", "a wrong pass-phrase")?;
    let outcome = rekey(program, &wrong, NEW)?;
    if outcome.code != 95
        || !outcome
            .stdout
            .contains("neither the old nor the new pass-phrase opens")
    {
        return Err(format!("with a wrong pass-phrase: {outcome:?}").into());
    }
    before.must_equal(&Snapshot::of(&repo, &Ignore::nothing())?)?;
    Ok(())
}

/// The only one below this directory.
fn stored_segment(archive: &Path) -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = vec![archive.to_owned()];
    while let Some(path) = found.pop() {
        match path.is_dir() {
            true => {
                for entry in std::fs::read_dir(&path)? {
                    found.push(entry?.path());
                }
            }
            false
                if path
                    .to_string_lossy()
                    .contains("/000000010000000000000001-") =>
            {
                return Ok(path);
            }
            false => {}
        }
    }
    Err("no segment is stored".into())
}

fn deep(program: &Program) -> TestResult {
    let mut state = state()?;
    let before = Snapshot::of(&state.scratch.join("repo"), &Ignore::nothing())?;
    let again = |state: &State| -> Result<Outcome> {
        Ok(run(program
            .command()
            .env("PGKEEP_REPO1_CIPHER_PASS_NEW", NEW)
            .arg(format!("--config={}", state.config.display()))
            .args([
                "--log-level-console=info",
                "--deep",
                "repo-rekey",
            ]))?)
    };
    let running = again(&state)?;
    if running.code != 31 || !running.stdout.contains("needs stanza 'main' to be stopped") {
        return Err(format!("without stop: {running:?}").into());
    }
    before.must_equal(&Snapshot::of(
        &state.scratch.join("repo"),
        &Ignore::nothing(),
    )?)?;
    state.as_pgkeep(program, &["stop"])?.success()?;
    let segment = stored_segment(&state.scratch.join("repo/archive/main"))?;
    let with_old_key = std::fs::read(&segment)?;
    let said = again(&state)?.success()?;
    if !said
        .stdout
        .contains("stanza 'main' has new keys: 1 files of WAL and 3 manifests")
    {
        return Err(said.stdout.into());
    }
    // A push that had begun before ends now.
    std::fs::write(&segment, with_old_key)?;
    let between = with_pass(&state, "between.conf", NEW)?;
    let old = std::mem::replace(&mut state.config, between);
    let found = state.as_pgkeep(program, &["verify"])?;
    if found.code == 0
        || !found
            .stdout
            .contains("repo1 has got new keys by repo-rekey")
    {
        return Err(format!("with a segment of the key before: {found:?}").into());
    }
    state.config = old;
    // Run again it ends well too, with other keys.
    again(&state)?.success()?;
    state.as_pgkeep(program, &["start"])?.success()?;
    state.config = with_pass(&state, "new.conf", NEW)?;
    state.push(2)?;
    for outcome in [
        state.theirs(&state.with_stanza(&["verify", "--output=text"]))?,
        state.as_pgkeep(program, &["verify"])?,
        state.theirs(&state.with_stanza(&["--no-online", "--type=incr", "backup"]))?,
        state.as_pgkeep(program, &["--no-online", "--type=full", "backup"])?,
        state.as_pgkeep(program, &["verify"])?,
    ] {
        outcome.success()?;
    }
    let segment = state.scratch.join("segment");
    let to = segment.display().to_string();
    for number in ["1", "2"] {
        let name = format!("00000001000000000000000{number}");
        state
            .as_pgkeep(program, &["archive-get", &name, &to])?
            .success()?;
        state
            .theirs(&state.with_stanza(&["archive-get", &name, &to]))?
            .success()?;
    }
    Ok(())
}
