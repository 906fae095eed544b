//! `stop --force` ends what works on the named stanza and nothing else, whatever the stanzas are called.

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "stop_with_force_leaves_stanzas_with_longer_names_alone",
        move || only_its_own(&program),
    )
}

const STANZAS: [&str; 6] = ["a", "a-b", "a-archive", "a-1", "a-backup", "a-backup-1"];

/// A process that holds a lock as a command would.
struct LockHolder {
    child: Child,
    file: String,
}

impl LockHolder {
    fn of(state: &State, file: String) -> Result<Self> {
        let lock = state.scratch.write(format!("lock/{file}"), "")?;
        let mut child = state
            .scratch
            .account()
            .command("flock")
            .arg(&lock)
            .args(["sh", "-c", "echo ready; read line", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        fs::write(
            &lock,
            format!("{{\"execId\":\"1-0a0b0c0d\",\"pid\":{}}}", child.id()),
        )?;
        let mut ready = [0; 5];
        let mut stdout = child.stdout.take().ok_or("stdout is piped")?;
        std::io::Read::read_exact(&mut stdout, &mut ready)?;
        Ok(Self { child, file })
    }

    /// Whether nobody ended it and its lock is there.
    fn is_left_alone(&mut self, state: &State) -> Result<bool> {
        let lives = self.child.try_wait()?.is_none();
        let has_lock = state.scratch.join(format!("lock/{}", self.file)).exists();
        match lives == has_lock {
            true => Ok(lives),
            false => Err(format!("{}: lives: {lives}, lock: {has_lock}", self.file).into()),
        }
    }
}

impl Drop for LockHolder {
    fn drop(&mut self) {
        // Ends `read`, and with it flock.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn only_its_own(program: &Program) -> TestResult {
    let state = State::new(&[])?;
    for stanza in STANZAS {
        let config = stanza_configuration(&state)?;
        // Names of both programs, of old and new releases.
        let mut holders = Vec::new();
        for other in STANZAS {
            for end in ["archive-1", "backup-2", "restore-1", "persist-1", "backup"] {
                let mut holder = LockHolder::of(&state, format!("{other}-{end}.lock"))?;
                // A signal takes its time to end a process: those that may live are looked at, the others waited for.
                if !holder.is_left_alone(&state)? {
                    return Err(format!("{} did not start", holder.file).into());
                }
                holders.push((other, holder));
            }
        }
        let arguments = [
            format!("--config={config}"),
            format!("--stanza={stanza}"),
            "--log-level-console=info".to_owned(),
            "--force".to_owned(),
            "stop".to_owned(),
        ];
        let stopped =
            pgkeep_testkit::run::run(program.as_pgbackrest().args(&arguments))?.success()?;
        let told = stopped
            .stdout
            .matches("sent term signal to process")
            .count();
        if told != 5 || stopped.stdout.contains("unable to") {
            return Err(format!("{stanza}: {told} processes told\n{}", stopped.stdout).into());
        }
        for (other, holder) in &mut holders {
            if *other == stanza {
                holder.child.wait()?;
            }
            if holder.is_left_alone(&state)? == (*other == stanza) {
                return Err(format!("stop of {stanza}: {}", holder.file).into());
            }
        }
        drop(holders);
        fs::remove_dir_all(state.scratch.join("lock"))?;
    }
    Ok(())
}

fn stanza_configuration(state: &State) -> Result<String> {
    let mut configuration = state.configuration.clone();
    for stanza in STANZAS {
        let data = state.scratch.join("data");
        configuration = configuration.stanza(stanza, "pg1-path", data.display());
    }
    let path = configuration.write(&state.scratch, "many.conf")?;
    Ok(path.display().to_string())
}
