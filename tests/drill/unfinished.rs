//! A database that was being made in the running cluster when its run was killed: the next run knows it from any other one.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, holds};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let own = Arc::clone(program);
    suite.test(
        "a_database_that_a_killed_run_has_left_is_removed_by_the_next_if_it_is_proved_to_be_ours",
        move || left(&own),
    )
}

/// Rows of `slow` take for ever in a database that is not complete, if there is a role `wait`, and as long as there is a role `hold`.
const MADE: &str = "create function wait(g int) returns boolean language sql as $$ \
    select case when exists (select from pg_catalog.pg_roles where rolname = 'wait') \
    and current_database() like '%.unfinished' then pg_catalog.pg_sleep(100000)::text = '' else true end $$; \
    create function hold(g int) returns boolean language plpgsql as $$ begin \
    while exists (select from pg_catalog.pg_roles where rolname = 'hold') \
    and current_database() like '%.unfinished' loop perform pg_catalog.pg_sleep(0.05); end loop; return true; end $$; \
    create table slow (g int check (public.wait(g)) check (public.hold(g))); \
    insert into slow select g from generate_series(1, 10) g; \
    comment on database shop is E'it''s the \\\\ shop'";

/// What the server says of a database, in a row.
const STATE: &str = "select datname, pg_catalog.shobj_description(oid, 'pg_database') \
    from pg_catalog.pg_database where datname like 'shop_then%'";

const WAITS: &str = "select count(*) from pg_catalog.pg_stat_activity \
    where datname = 'shop_then.unfinished' and wait_event = 'PgSleep'";

/// A restore of the database with this code.
fn restore(stage: &Stage<'_>, code: i32, more: &[&str]) -> Result<Outcome> {
    let to = [
        "--database=shop",
        "--to-cluster",
        "--to-database=shop_then",
        "--log-level-console=info",
    ];
    let arguments = [&to[..], more].concat();
    let mut command = stage.scratch_command(&arguments, "restore-table");
    let ended = run(&mut command)?.expect_code(code)?;
    stage.nothing_is_left()?;
    Ok(ended)
}

/// Kills a run that is filling the database.
fn kill_one(stage: &Stage<'_>) -> TestResult {
    stage.cluster.sql("create role wait")?;
    let arguments = ["--database=shop", "--to-cluster", "--to-database=shop_then"];
    let mut command = stage.scratch_command(&arguments, "restore-table");
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let began = Instant::now();
    while stage.cluster.sql(WAITS)? != "1" {
        if let Some(status) = child.try_wait()? {
            return Err(format!("it has ended: {status}").into());
        }
        if began.elapsed() > Duration::from_secs(120) {
            child.kill()?;
            return Err("the database is not filled".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn left(program: &Program) -> TestResult {
    let stage = Stage::new(program, Cluster::builder(15), |made| made)?;
    let cluster = &stage.cluster;
    cluster.sql("create database shop")?;
    cluster.sql_in("shop", MADE)?;
    stage.run(&["--type=full", "backup"])?;
    stage.archive_all()?;
    kill_one(&stage)?;
    let state = cluster.sql(STATE)?;
    let note = "pgkeep restore-table: not complete";
    holds(&state, &[&format!("shop_then.unfinished|{note}")])?;
    // The server does not know yet that the client is gone.
    let refused = restore(&stage, 58, &[])?.stderr;
    holds(
        &refused,
        &[
            "database 'shop_then.unfinished' exists in the running cluster, and somebody is in it",
            "HINT: ",
        ],
    )?;
    cluster.sql(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid in ({})",
        WAITS.replace("count(*)", "pid")
    ))?;
    cluster.wait_for_sql(WAITS, "0")?;
    cluster.sql("drop role wait")?;
    let look = |comment: &str| {
        let name = "\"shop_then.unfinished\"";
        cluster.sql(&format!("comment on database {name} is {comment}"))
    };
    // What does not say that it is ours may be anybody's.
    look("'mine'")?;
    let refused = restore(&stage, 58, &[])?.stderr;
    let command = "remove it: DROP DATABASE \"shop_then.unfinished\";";
    holds(&refused, &["'shop_then.unfinished' exists", command])?;
    look(&format!("'{note}, run 1'"))?;
    // A run for something else names it.
    let other = [
        "--table=shop.public.slow",
        "--to-cluster",
        "--to-schema=more",
        "--dry-run",
    ];
    let other = run(&mut stage.scratch_command(&other, "restore-table"))?.success()?;
    let named = [
        "database \"shop_then.unfinished\" of the running cluster is what an interrupted run has left",
        "HINT: remove it: DROP DATABASE \"shop_then.unfinished\";",
    ];
    holds(&other.stderr, &named)?;
    let planned = restore(&stage, 0, &["--dry-run"])?;
    if planned.stderr.contains("of the running cluster is what") {
        return Err(planned.stderr.into());
    }
    let planned = planned.stdout;
    let removed = "database 'shop_then.unfinished', which an interrupted run has left, is removed";
    holds(&planned, &[removed])?;
    holds(&cluster.sql(STATE)?, &["shop_then.unfinished"])?;
    let said = restore(&stage, 0, &[])?.stderr;
    let removed = "remove database 'shop_then.unfinished', which an interrupted run has left";
    let done = "database shop is in the running cluster, database shop_then, in ";
    holds(&said, &["moment: the end of the archive", removed, done])?;
    match cluster.sql(STATE)?.as_str() {
        "shop_then|it's the \\ shop" => {}
        other => return Err(format!("not as it was: {other}").into()),
    }
    rows(cluster)?;
    two_at_once(&stage)
}

/// The restored rows.
fn rows(cluster: &Cluster) -> TestResult {
    match cluster
        .sql_in("shop_then", "select sum(g) from slow")?
        .as_str()
    {
        "55" => Ok(()),
        other => Err(format!("not the rows: {other}").into()),
    }
}

/// The second run begins when the first has said its last statement in the database and has not given it its name yet.
fn two_at_once(stage: &Stage<'_>) -> TestResult {
    let cluster = &stage.cluster;
    cluster.sql("drop database shop_then")?;
    cluster.sql("create role hold")?;
    let arguments = ["--database=shop", "--to-cluster", "--to-database=shop_then"];
    let place = cluster.scratch().join("first");
    let mut command = stage.command_in(&place, &arguments, "restore-table");
    let mut first = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    cluster.wait_for_sql(WAITS, "1")?;
    // A database may be commented on meanwhile, and gets no other name.
    let mut holder = cluster.client("psql")?;
    for statement in [
        "begin",
        "lock table pg_catalog.pg_database in share mode",
        "set application_name = 'holder'",
        "select pg_catalog.pg_sleep(100000)",
    ] {
        holder.args(["-c", statement]);
    }
    let mut holder = holder.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let seen = second(stage);
    // With its client the server's sleep would go on.
    cluster.sql("drop role if exists hold")?;
    cluster.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holder'",
    )?;
    holder.wait()?;
    let ended = first.wait()?;
    seen?;
    match ended.success() {
        true => rows(cluster),
        false => Err(format!("the first run has ended: {ended}").into()),
    }
}

/// What the second run says while the first one waits for the name.
fn second(stage: &Stage<'_>) -> TestResult {
    let cluster = &stage.cluster;
    let holds_it = "select count(*) from pg_stat_activity \
        where application_name = 'holder' and wait_event = 'PgSleep'";
    cluster.wait_for_sql(holds_it, "1")?;
    cluster.sql("drop role hold")?;
    let naming = "select count(*) from pg_stat_activity \
        where query like '%rename to \"shop_then\"%' and wait_event_type = 'Lock'";
    cluster.wait_for_sql(naming, "1")?;
    let refused = restore(stage, 58, &[])?.stderr;
    let told = [
        "'shop_then.unfinished' exists in the running cluster, complete and without its name",
        "ALTER DATABASE \"shop_then.unfinished\" RENAME TO \"shop_then\";",
    ];
    holds(&refused, &told)
}
