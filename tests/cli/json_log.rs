//! `log-format=json`: every line is an object, on the console and in the files of all processes; without it nothing is one.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};
use serde_json::Value;

use crate::case::{Result, State};

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program) -> TestResult;
    let cases: &[(&str, Case)] = &[
        ("a_json_log_has_every_message_and_the_result", results),
        ("a_json_result_says_what_a_command_has_changed", changes),
        ("a_json_log_tells_errors_wherever_they_come_from", errors),
        ("the_background_process_writes_json_too", background),
    ];
    for (name, case) in cases {
        let program = Arc::clone(program);
        suite = suite.test(*name, move || case(&program));
    }
    suite
}

/// The objects of a log; everything must be one.
fn objects(text: &str) -> Result<Vec<Value>> {
    text.lines()
        .map(|line| match serde_json::from_str(line) {
            Ok(value @ Value::Object(_)) => Ok(value),
            other => Err(format!("{line}: {other:?}\nin:\n{text}").into()),
        })
        .collect()
}

struct Place {
    state: State,
}

impl Place {
    fn new() -> Result<Self> {
        let state = State::without_stanza()?;
        let logs = state.scratch.join("logs");
        fs::create_dir(&logs)?;
        state.scratch.account().own_tree(&logs)?;
        Ok(Self { state })
    }

    fn run(&self, program: &Program, arguments: &[&str]) -> Result<Outcome> {
        let place = |option: &str, name: &str| {
            let path = self.state.scratch.join(name);
            format!("--{option}={}", path.display())
        };
        Ok(run(program
            .command()
            .args([
                format!("--config={}", self.state.config.display()),
                place("log-path", "logs"),
                "--log-level-file=info".to_owned(),
                "--log-level-console=info".to_owned(),
            ])
            .args(arguments))?)
    }

    fn log(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(
            self.state.scratch.join("logs").join(name),
        )?)
    }
}

fn last(objects: &[Value]) -> Result<&Value> {
    objects.last().ok_or_else(|| "nothing was logged".into())
}

fn check(what: &str, value: &Value, expected: impl Into<Value>) -> TestResult {
    let expected = expected.into();
    match *value == expected {
        true => Ok(()),
        false => Err(format!("{what}: {value} instead of {expected}").into()),
    }
}

fn results(program: &Program) -> TestResult {
    let place = Place::new()?;
    let json = ["--log-format=json", "--stanza=main", "--no-online"];
    let text = ["--stanza=main", "--no-online", "stanza-create"];
    let said = place.run(program, &text)?.success()?;
    if said.stdout.contains('{') || place.log("main-stanza-create.log")?.contains('{') {
        return Err(format!("lines of text have JSON:\n{}", said.stdout).into());
    }
    let made = place
        .run(program, &[&json[..], &["backup"]].concat())?
        .success()?;
    let console = objects(&made.stdout)?;
    let backup = objects(&place.log("main-backup.log")?)?;
    let expire = objects(&place.log("main-expire.log")?)?;
    if console.len() != backup.len() + expire.len() {
        return Err(format!("not all is on the console:\n{}", made.stdout).into());
    }
    for line in &console {
        check("stanza", &line["stanza"], "main")?;
        let time = line["timestamp"].as_str().unwrap_or_default();
        if time.len() != "2026-11-24T04:50:26.003+00:00".len() {
            return Err(format!("{line}").into());
        }
    }
    let end = last(&backup)?;
    check("command", &end["command"], "backup")?;
    let result = &end["result"];
    check("outcome", &result["outcome"], "ok")?;
    check("code", &result["code"], 0)?;
    check("type", &result["type"], "full")?;
    let label = result["label"].as_str().unwrap_or_default();
    if label.is_empty()
        || !end["message"].as_str().unwrap_or_default().contains(label)
        || result["size"].as_u64().unwrap_or(0) == 0
        || result["timestamp"]["stop"].as_u64().unwrap_or(0) == 0
    {
        return Err(format!("the result of the backup: {end}").into());
    }
    let end = last(&expire)?;
    check("command", &end["command"], "expire")?;
    check("outcome", &end["result"]["outcome"], "ok")?;
    check("label", &end["result"]["label"], Value::Null)?;
    // What a command prints stays as it is.
    let info = place
        .run(program, &["--log-format=json", "info"])?
        .success()?;
    match info.stdout.starts_with("stanza: main\n") {
        true => Ok(()),
        false => Err(info.stdout.into()),
    }
}

fn changes(program: &Program) -> TestResult {
    let place = Place::new()?;
    let run = |words: &[&str]| -> Result<Value> {
        let all = [&["--log-format=json", "--stanza=main"], words].concat();
        let said = place.run(program, &all)?.success()?.stdout;
        let objects = objects(&said)?;
        let end = objects.iter().find(|line| !line["result"].is_null());
        Ok(end.ok_or("no result")?["result"].clone())
    };
    let created = |result: &str| serde_json::json!([{"repo-key": 1, "result": result}]);
    let create = ["--no-online", "stanza-create"];
    check("repo", &run(&create)?["repo"], created("created"))?;
    check("repo", &run(&create)?["repo"], created("there"))?;
    let upgraded = run(&["--no-online", "stanza-upgrade"])?;
    check("repo", &upgraded["repo"], created("there"))?;
    if upgraded["system-id"].as_u64().is_none() || upgraded["pg-version"].as_str().is_none() {
        return Err(format!("which cluster: {upgraded}").into());
    }
    let backup = run(&["--no-online", "backup"])?;
    let label = backup["label"].as_str().ok_or("no label")?;
    let annotated = run(&[&format!("--set={label}"), "--pin=forever", "annotate"])?;
    check("label", &annotated["label"], label)?;
    check("repo-key", &annotated["repo-key"], serde_json::json!([1]))?;
    for (words, name, expected) in [
        (["stop"].as_slice(), "stopped", true),
        (&["stop"], "stopped", false),
        (&["start"], "started", true),
        (&["start"], "started", false),
        (&["stop"], "stopped", true),
        (&["--force", "stanza-delete"], "deleted", true),
    ] {
        check(name, &run(words)?[name], expected)?;
    }
    Ok(())
}

fn errors(program: &Program) -> TestResult {
    let place = Place::new()?;
    let failed = place.run(
        program,
        &[
            "--log-format=json",
            "--stanza=main",
            "--no-online",
            "backup",
        ],
    )?;
    let console = objects(&failed.expect_code(55)?.stdout)?;
    let error = console
        .iter()
        .find(|line| line["level"] == "error")
        .ok_or("no error")?;
    check("code", &error["code"], 55)?;
    let message = error["message"].as_str().unwrap_or_default();
    if !message.contains('\n') || message.contains("HINT: is this") || error["hint"][0].is_null() {
        return Err(format!("{error}").into());
    }
    let result = &last(&console)?["result"];
    check("outcome", &result["outcome"], "failed")?;
    check("code", &result["code"], 55)?;
    check("message", &result["error"]["message"], message)?;
    // Before the options are known the words count, and the variable.
    let refused = place.run(program, &["--log-format=json", "--stanzza=main", "info"])?;
    let refused = objects(&refused.expect_code(31)?.stderr)?;
    check("code", &refused[0]["code"], 31)?;
    let mut command = program.command();
    command.env("PGKEEP_LOG_FORMAT", "json").arg("bakup");
    let refused = objects(&run(&mut command)?.expect_code(48)?.stderr)?;
    check("code", &refused[0]["code"], 48)
}

fn background(program: &Program) -> TestResult {
    let place = Place::new()?;
    let wal = place.state.scratch.join("data/pg_wal");
    let (segment, status) = ("000000010000000000000001", wal.join("archive_status"));
    fs::create_dir_all(&status)?;
    fs::write(wal.join(segment), [0; 64])?;
    fs::write(status.join(format!("{segment}.ready")), "")?;
    place.state.scratch.account().own_tree(&wal)?;
    let path = wal.join(segment).display().to_string();
    let spool = place.state.scratch.join("spool");
    let spool = format!("--spool-path={}", spool.display());
    // There is no stanza.
    let failed = place.run(
        program,
        &[
            "--log-format=json",
            "--stanza=main",
            "--archive-async",
            &spool,
            "archive-push",
            &path,
        ],
    )?;
    let console = objects(&failed.expect_code(103)?.stdout)?;
    check("wal", &last(&console)?["result"]["wal"], segment)?;
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let log = place.log("main-archive-push-async.log").unwrap_or_default();
        // The last line may be half written.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        let lines = objects(whole)?;
        if let Some(end) = lines.iter().find(|line| !line["result"].is_null()) {
            check("command", &end["command"], "archive-push:async")?;
            return check("code", &end["result"]["code"], 103);
        }
        if Instant::now() > until {
            return Err(format!("no result in:\n{log}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
