//! Hooks: what they are told, and that none of them changes how a command ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};
use serde_json::Value;

use crate::case::{Result, State};

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program) -> TestResult;
    let cases: &[(&str, Case)] = &[
        ("a_hook_is_told_what_a_command_came_to", told),
        ("a_hook_gets_no_secret_and_no_file_of_ours", closed),
        ("a_hook_that_misbehaves_changes_nothing", misbehaving),
        ("a_command_that_a_hook_runs_has_no_hooks", within),
        (
            "a_hook_is_told_when_archiving_fails_and_works_again",
            archiving,
        ),
    ];
    for (name, case) in cases {
        let program = Arc::clone(program);
        suite = suite.test(*name, move || case(&program));
    }
    suite
}

struct Place {
    state: State,
}

impl Place {
    fn new() -> Result<Self> {
        let state = State::without_stanza()?;
        let hooks = state.scratch.join("hooks");
        fs::create_dir(&hooks)?;
        state.scratch.account().own_tree(&hooks)?;
        Ok(Self { state })
    }

    /// Makes a hook, and returns the option for an event.
    fn hook(&self, event: &str, script: &str) -> Result<String> {
        let path = self.state.scratch.join("hooks").join(event);
        fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", self.hooks()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(format!("--hook-{event}={}", path.display()))
    }

    fn hooks(&self) -> String {
        self.state.scratch.join("hooks").display().to_string()
    }

    fn command(&self, program: &Program, arguments: &[&str]) -> Command {
        let locks = self.state.scratch.join("lock");
        let mut command = program.command();
        command
            .arg(format!("--config={}", self.state.config.display()))
            .arg(format!("--lock-path={}", locks.display()))
            .arg("--stanza=main")
            .args(arguments);
        command
    }

    fn run(&self, program: &Program, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(&mut self.command(program, arguments))?)
    }

    /// What a hook wrote.
    fn wrote(&self, name: &str) -> String {
        fs::read_to_string(self.state.scratch.join("hooks").join(name)).unwrap_or_default()
    }

    fn events(&self) -> Result<Vec<Value>> {
        let lines = self.wrote("told");
        Ok(lines
            .lines()
            .map(serde_json::from_str)
            .collect::<std::result::Result<_, _>>()?)
    }
}

fn check(what: &str, value: &Value, expected: impl Into<Value>) -> TestResult {
    let expected = expected.into();
    match *value == expected {
        true => Ok(()),
        false => Err(format!("{what}: {value} instead of {expected}").into()),
    }
}

fn told(program: &Program) -> TestResult {
    let place = Place::new()?;
    let append = "cat >>told; echo \"$HOOK_EVENT $HOOK_OUTCOME $HOOK_STANZA\" >>words; umask >>words; pwd >>words";
    let (backup, expire) = (place.hook("backup", append)?, place.hook("expire", append)?);
    let options = [backup.as_str(), &expire, "--no-online"];
    let failed = [&options[..], &["backup"]].concat();
    place.run(program, &failed)?.expect_code(55)?;
    place
        .run(program, &["--no-online", "stanza-create"])?
        .success()?;
    place
        .run(program, &[&options[..], &["backup"]].concat())?
        .success()?;
    place
        .run(program, &[&expire, "--dry-run", "expire"])?
        .success()?;
    let nowhere = format!("--repo1-path={}/nowhere", place.hooks());
    place
        .run(program, &[&expire, &nowhere, "expire"])?
        .expect_code(104)?;
    let events = place.events()?;
    let [failed, made, expired, elsewhere] = events.as_slice() else {
        return Err(format!("{events:?}").into());
    };
    check("event", &failed["event"], "backup")?;
    check("outcome", &failed["outcome"], "failed")?;
    check("code", &failed["code"], 55)?;
    check("code", &failed["error"]["code"], 55)?;
    check("event", &made["event"], "backup")?;
    check("stanza", &made["stanza"], "main")?;
    check("outcome", &made["outcome"], "ok")?;
    check("type", &made["type"], "full")?;
    if !made["label"].is_string() || !made["host"].is_string() || !made["size"].is_number() {
        return Err(format!("{made}").into());
    }
    check("event", &expired["event"], "expire")?;
    check("outcome", &expired["outcome"], "ok")?;
    check("repo-error", &elsewhere["repo-error"][0]["code"], 55)?;
    let words = place.wrote("words");
    match words.contains("backup failed main\n0022\n") {
        true => Ok(()),
        false => Err(words.into()),
    }
}

fn closed(program: &Program) -> TestResult {
    let place = Place::new()?;
    let look = "cat >>told; env >env; ls -l /proc/self/fd >files";
    let hook = place.hook("expire", look)?;
    let run_encrypted = |arguments: &[&str]| -> Result<Outcome> {
        let mut command = place.command(program, arguments);
        command
            .arg("--repo1-cipher-type=aes-256-cbc")
            .env("PGKEEP_REPO1_CIPHER_PASS", "hush-hush")
            .env("PGBACKREST_REPO1_S3_KEY_SECRET", "hush-hush")
            .env("PGPASSWORD", "hush-hush")
            .env("AWS_SECRET_ACCESS_KEY", "hush-hush");
        Ok(run(&mut command)?)
    };
    run_encrypted(&["--no-online", "stanza-create"])?.success()?;
    run_encrypted(&[&hook, "expire"])?.success()?;
    let (env, files) = (place.wrote("env"), place.wrote("files"));
    if !env.contains("HOOK_EVENT=expire\n") || !env.contains("\nPATH=") && !env.starts_with("PATH=")
    {
        return Err(format!("the environment:\n{env}").into());
    }
    if env.contains("hush") || place.wrote("told").contains("hush") {
        return Err(format!("a secret:\n{env}").into());
    }
    match files.contains("pipe:") && !files.contains(".lock") && !files.contains("/repo/") {
        true => Ok(()),
        false => Err(format!("the files:\n{files}").into()),
    }
}

/// Each would start another one, in a process group of its own, for ever.
fn within(program: &Program) -> TestResult {
    let place = Place::new()?;
    place
        .run(program, &["--no-online", "stanza-create"])?
        .success()?;
    let hook = format!("--hook-expire={}/expire", place.hooks());
    // A chain ends by itself after a time, so that a failed test leaves none.
    let script = format!(
        "echo run >>runs; [ $(wc -l <runs) -gt 5 ] || {} --config={} --lock-path={} --stanza=main {hook} expire >said",
        program.path().display(),
        place.state.config.display(),
        place.state.scratch.join("lock").display(),
    );
    place.hook("expire", &script)?;
    place.run(program, &[&hook, "expire"])?.success()?;
    check("runs", &place.wrote("runs").into(), "run\n")?;
    let said = place.wrote("said");
    match said.contains("is not run, because a hook has run this command") {
        true => Ok(()),
        false => Err(said.into()),
    }
}

/// The command ends as without the hook, and says in a warning what became of it.
fn misbehaving(program: &Program) -> TestResult {
    let place = Place::new()?;
    place
        .run(program, &["--no-online", "stanza-create"])?
        .success()?;
    let missing = format!("--hook-expire={}/missing", place.hooks());
    let nowhere = format!("--repo1-path={}/nowhere", place.hooks());
    for (script, warning) in [
        (
            "echo no route >&2; exit 7",
            "ended with exit status: 7: no route",
        ),
        ("sleep 600 & echo $! >child; wait", "was killed after 0.5s"),
        (
            "while :; do echo flood; echo flood >&2; done",
            "was killed after 0.5s: flood",
        ),
        ("kill -SEGV $$", "ended with signal: 11"),
        ("", "cannot be started: No such file or directory"),
    ] {
        let hook = match script {
            "" => missing.clone(),
            script => place.hook("expire", script)?,
        };
        let ended = place
            .run(program, &[&hook, "--hook-timeout=500ms", "expire"])?
            .success()?;
        let said = ended
            .stdout
            .lines()
            .any(|line| line.contains("WARN: hook-expire '") && line.contains(warning));
        if !said || ended.stdout.contains("ERROR") {
            return Err(format!("{script}:\n{}", ended.stdout).into());
        }
        // An error keeps its code.
        place
            .run(
                program,
                &[&hook, "--hook-timeout=500ms", &nowhere, "expire"],
            )?
            .expect_code(104)?;
    }
    let child = place.wrote("child");
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    match child.trim().is_empty() || (stat.contains("(sleep)") && !stat.contains(") Z ")) {
        true => Err(format!("the child of a hook goes on: {child} {stat}").into()),
        false => Ok(()),
    }
}

fn archiving(program: &Program) -> TestResult {
    let place = Place::new()?;
    let wal = place.state.scratch.join("data/pg_wal");
    fs::create_dir_all(&wal)?;
    for name in ["00000002.history", "00000003.history"] {
        fs::write(
            wal.join(name),
            "1\t0/3000000\tno recovery target specified\n",
        )?;
    }
    place.state.scratch.account().own_tree(&wal)?;
    let hook = place.hook("archive", "cat >>told")?;
    let push = |name: &str| {
        place.run(
            program,
            &[&hook, "archive-push", &wal.join(name).display().to_string()],
        )
    };
    // There is no stanza yet; two that see it at once tell it once.
    thread::scope(|scope| {
        let both = [(); 2]
            .map(|()| scope.spawn(|| push("00000002.history").map_err(|error| error.to_string())));
        for one in both {
            one.join().map_err(|_| "a thread died")??.expect_code(103)?;
        }
        TestResult::Ok(())
    })?;
    push("00000002.history")?.expect_code(103)?;
    place
        .run(program, &["--no-online", "stanza-create"])?
        .success()?;
    push("00000002.history")?.success()?;
    push("00000003.history")?.success()?;
    let events = place.events()?;
    let [begin, end] = events.as_slice() else {
        return Err(format!("{events:?}").into());
    };
    check("event", &begin["event"], "archive")?;
    check("outcome", &begin["outcome"], "failed")?;
    check("code", &begin["code"], 103)?;
    check("wal", &begin["wal"], "00000002.history")?;
    check("outcome", &end["outcome"], "ok")?;
    match end["since"].as_i64() > Some(0) {
        true => Ok(()),
        false => Err(format!("{end}").into()),
    }
}
