//! What the result lines of `log-format=json` say of commands that need a running cluster.

use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};
use serde_json::{Value, json};

use crate::stage::{Result, Stage};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let own = Arc::clone(program);
    suite.test(
        "a_json_result_says_what_check_and_restore_table_have_done",
        move || told(&own),
    )
}

const JSON: [&str; 2] = ["--log-format=json", "--log-level-console=info"];

/// All facts of the result in this log but those that every command has.
fn facts(log: &str) -> Result<Value> {
    let lines = log.lines();
    let mut results = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["result"].is_object());
    let result = results.next().ok_or_else(|| log.to_owned())?;
    let common = ["outcome", "code", "error", "timestamp", "elapsed-ms"];
    let fields = result["result"].as_object().into_iter().flatten();
    let own = fields.filter(|(name, _)| !common.contains(&name.as_str()));
    Ok(own
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect())
}

fn is(what: &str, found: &Value, wanted: &Value) -> TestResult {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {found} instead of {wanted}").into()),
    }
}

fn told(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| made)?;
    let cluster = &stage.cluster;
    cluster.sql("create table t as select g from generate_series(1, 10) g")?;
    stage.run(&["--type=full", "backup"])?;

    let check = |code: i32| -> Result<Value> {
        let ended = run(stage.command().args(JSON).arg("check"))?.expect_code(code)?;
        facts(&ended.stdout)
    };
    let checked = check(0)?;
    let segment = checked["wal"].as_str().unwrap_or("none").to_owned();
    is(
        "checked",
        &checked,
        &json!({"wal": segment, "repo-key": [1]}),
    )?;
    let archived = stage.archived()?.concat();
    if !archived.contains(&format!("/{segment}-")) {
        return Err(format!("{segment} is not archived: {archived}").into());
    }
    stage.run(&["stop"])?;
    is("stopped", &check(62)?, &json!({}))?;
    stage.run(&["start"])?;

    let restore = |code: i32, more: &[&str]| -> Result<Value> {
        let arguments = [&JSON[..], more].concat();
        let mut command = stage.scratch_command(&arguments, "restore-table");
        let ended = run(&mut command)?.expect_code(code)?;
        stage.nothing_is_left()?;
        let mut found = facts(&ended.stderr)?;
        let fields = found.as_object_mut().ok_or("no facts")?;
        let label = fields.remove("label").unwrap_or_default();
        let segments = fields.remove("wal-total").unwrap_or_default();
        let is_label = label.as_str().is_some_and(|label| label.ends_with('F'));
        match is_label && segments.as_u64().is_some() {
            true => Ok(found),
            false => Err(format!("label {label}, segments {segments}").into()),
        }
    };
    let wanted = |what: &str, to: &str| {
        json!({
            "repo-key": 1, "pg-version": 15, "recovery": {"type": "default", "target": null},
            "database": "postgres", "what": what, "to": to,
        })
    };
    let table = restore(0, &["--table=postgres.public.t"])?;
    is("a table", &table, &wanted("public.t", "output"))?;
    let missing = restore(81, &["--table=postgres.public.none"])?;
    is("no table", &missing, &wanted("public.none", "output"))?;
    let into = [
        "--database=postgres",
        "--to-cluster",
        "--to-database=copy",
        "--type=immediate",
    ];
    let mut all = wanted("database postgres", "cluster");
    all["recovery"]["type"] = "immediate".into();
    is("a database", &restore(0, &into)?, &all)
}
