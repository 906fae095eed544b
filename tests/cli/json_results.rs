//! What the result lines of `log-format=json` say of commands for WAL and for files of a repository: for each of its ways to end.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};
use serde_json::{Value, json};

use crate::case::Result;

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Stage<'_>) -> TestResult;
    let cases: &[(&str, Case)] = &[
        ("a_json_result_says_what_became_of_wal", wal),
        ("a_json_result_says_what_was_copied_and_removed", files),
        ("a_json_result_says_what_has_new_keys", keys),
    ];
    for (name, case) in cases {
        let program = Arc::clone(program);
        suite = suite.test(*name, move || case(&Stage::new(&program)?));
    }
    suite
}

const FIRST: &str = "000000010000000000000001";
const SECOND: &str = "000000010000000000000002";
const MISSING: &str = "000000010000000000000003";

/// A stanza of a made-up cluster in two repositories, the second of which is encrypted.
struct Stage<'a> {
    program: &'a Program,
    scratch: Scratch,
    config: PathBuf,
}

impl<'a> Stage<'a> {
    fn new(program: &'a Program) -> Result<Self> {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        let made = DataDirBuilder::new("15")?;
        made.clone()
            .relation("base/1/16384", 4)
            .file(format!("pg_wal/{FIRST}"), made.wal_segment(1))
            .file(format!("pg_wal/{SECOND}"), made.wal_segment(2))
            .build(&data)?;
        fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let second = scratch.make_dir("repo2")?;
        let config = Configuration::new(&scratch)?
            // repo-rm says no more than this asks for.
            .global("log-level-console", "debug")
            .global("log-level-file", "off")
            .global("repo1-retention-full", 9)
            .global("repo2-path", second.display())
            .global("repo2-retention-full", 9)
            .global("repo2-cipher-type", "aes-256-cbc")
            .global("repo2-cipher-pass", "old")
            .stanza("main", "pg1-path", data.display())
            .write(&scratch, "test.conf")?;
        scratch.account().own_tree(scratch.path())?;
        let stage = Self {
            program,
            scratch,
            config,
        };
        stage.result(0, &["--stanza=main", "--no-online", "stanza-create"])?;
        Ok(stage)
    }

    /// The result of a command that must end with this code.
    fn result(&self, code: i32, words: &[&str]) -> Result<Value> {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--log-format=json")
            .args(words);
        let outcome = run(&mut command)?.expect_code(code)?;
        let lines = outcome.stdout.lines();
        let mut results = lines
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["result"].is_object());
        let result = results.next().ok_or_else(|| outcome.stdout.clone())?;
        Ok(result["result"].clone())
    }

    fn wal(&self, segment: &str) -> String {
        let path = self.scratch.join("data/pg_wal").join(segment);
        path.display().to_string()
    }
}

/// All facts of the result but those that every command has.
fn facts(result: &Value) -> Value {
    let common = ["outcome", "code", "error", "timestamp", "elapsed-ms"];
    let fields = result.as_object().into_iter().flatten();
    let own = fields.filter(|(name, _)| !common.contains(&name.as_str()));
    own.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is(what: &str, found: &Value, wanted: &Value) -> TestResult {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {found} instead of {wanted}").into()),
    }
}

fn wal(stage: &Stage<'_>) -> TestResult {
    let push = |code, more: &[&str], segment| {
        let path = stage.wal(segment);
        let words = [&["--stanza=main"], more, &["archive-push", &path]].concat();
        stage.result(code, &words).map(|result| facts(&result))
    };
    let both = json!({"wal": FIRST, "repo-key": [1, 2]});
    is("pushed", &push(0, &[], FIRST)?, &both)?;
    // It is there already.
    is("pushed again", &push(0, &[], FIRST)?, &both)?;
    // Nothing of what was asked for was done.
    let missing = json!({"wal": MISSING});
    is("missing", &push(55, &[], MISSING)?, &missing)?;
    let target = stage.scratch.join("fetched").display().to_string();
    let get = |code, segment: &str| {
        let words = ["--stanza=main", "archive-get", segment, &target];
        stage.result(code, &words).map(|result| facts(&result))
    };
    let found = json!({"wal": FIRST, "found": true, "repo-key": 1});
    is("fetched", &get(0, FIRST)?, &found)?;
    let missing = json!({"wal": MISSING, "found": false});
    is("not there", &get(1, MISSING)?, &missing)?;
    // More is waiting than may wait.
    let status = stage.scratch.make_dir("data/pg_wal/archive_status")?;
    for segment in [FIRST, SECOND] {
        fs::write(status.join(format!("{segment}.ready")), "")?;
    }
    stage.scratch.account().own_tree(&status)?;
    let dropped = push(0, &["--archive-push-queue-max=1"], SECOND)?;
    is("dropped", &dropped["wal"], &json!(SECOND))?;
    let warning = dropped["dropped"].as_str().unwrap_or_default();
    match warning.contains(SECOND) && dropped["repo-key"].is_null() {
        true => Ok(()),
        false => Err(format!("dropped: {dropped}").into()),
    }
}

fn files(stage: &Stage<'_>) -> TestResult {
    let first = stage.wal(FIRST);
    stage.result(0, &["--stanza=main", "archive-push", &first])?;
    // Of the second repository it is taken away.
    let lost = [
        "--repo=2",
        "--recurse",
        "repo-rm",
        "archive/main/15-1/0000000100000000",
    ];
    stage.result(0, &lost)?;
    let backup = ["--stanza=main", "--repo=1", "--no-online", "backup"];
    stage.result(0, &backup)?;
    let copy = |more: &[&str]| {
        let words = ["--stanza=main", "--repo=1", "--repo-to=2", "repo-copy"];
        let result = stage.result(0, &[more, &words[..]].concat())?;
        Result::Ok(facts(&result))
    };
    let total = |facts: &Value| {
        let (backup, wal) = (&facts["total"]["backup"], &facts["total"]["wal"]);
        let of = |one: &Value| json!([one["to-copy"], one["copied"], one["there"], one["failed"]]);
        json!([facts["repo-key"], of(backup), of(wal)])
    };
    let keys = json!({"from": 1, "to": 2});
    for (what, more, backups, segments) in [
        ("planned", &["--dry-run"][..], [1, 0, 0, 0], [1, 0, 0, 0]),
        ("copied", &[], [0, 1, 0, 0], [0, 1, 0, 0]),
        ("copied again", &[], [0, 0, 1, 0], [0, 0, 1, 0]),
    ] {
        let wanted = json!([keys, backups, segments]);
        is(what, &total(&copy(more)?), &wanted)?;
    }
    let remove = |code, words: &[&str]| {
        let result = stage.result(code, &[&["--repo=1"], words].concat())?;
        Result::Ok(facts(&result))
    };
    let removed =
        |path: &str, removed: bool| json!({"repo-key": 1, "path": path, "removed": removed});
    let info = "backup/main/backup.info.copy";
    is(
        "a file",
        &remove(0, &["repo-rm", info])?,
        &removed(info, true),
    )?;
    is(
        "no file",
        &remove(0, &["repo-rm", info])?,
        &removed(info, false),
    )?;
    let refused = remove(31, &["repo-rm", "archive/main"])?;
    is("not empty", &refused, &removed("archive/main", false))?;
    let all = remove(0, &["--recurse", "repo-rm", "archive/main"])?;
    is("a directory", &all, &removed("archive/main", true))
}

fn keys(stage: &Stage<'_>) -> TestResult {
    let first = stage.wal(FIRST);
    stage.result(0, &["--stanza=main", "archive-push", &first])?;
    let backup = ["--stanza=main", "--repo=2", "--no-online", "backup"];
    stage.result(0, &backup)?;
    let rekey = |code, more: &[&str]| {
        let result = stage.result(code, &[&["--repo=2"], more, &["repo-rekey"]].concat())?;
        Result::Ok(facts(&result))
    };
    let refused = json!({"repo-key": 2, "deep": false});
    is("no pass-phrase", &rekey(37, &[])?, &refused)?;
    stage.result(0, &["--stanza=main", "stop"])?;
    // The manifest, its copy and the one in the history.
    let deep = json!({
        "repo-key": 2, "deep": true, "stanza-total": 1, "wal-total": 1, "manifest-total": 3,
    });
    is("keys", &rekey(0, &["--deep"])?, &deep)?;
    stage.result(0, &["--stanza=main", "start"])?;
    let text = fs::read_to_string(&stage.config)?;
    let old = "repo2-cipher-pass=old\n";
    let both = format!("{old}repo2-cipher-pass-new=new\n");
    fs::write(&stage.config, text.replace(old, &both))?;
    let changed = json!({"repo-key": 2, "deep": false, "stanza-total": 1});
    is("pass-phrase", &rekey(0, &[])?, &changed)
}
