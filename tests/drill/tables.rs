//! Tables, schemas and databases out of a backup: as they were, wherever they go, and nothing is left.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};
use serde_json::{Value, json};

use crate::stage::{Result, Stage, holds};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let mut majors = vec![12, 18];
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        majors.extend([15, 17]);
    }
    for major in majors {
        let own = Arc::clone(program);
        suite = suite.test(
            format!("restore_table_brings_back_from_{major}_what_was_dropped"),
            move || brought_back(&own, major),
        );
    }
    suite
}

const MADE: &str = "create table orders (id serial primary key, note text); \
    alter table orders alter note set storage external; \
    insert into orders (note) select repeat(md5(g::text), 2000) from generate_series(1, 50) g; \
    create table lines (id int, order_id int references orders (id)); \
    insert into lines select g, g from generate_series(1, 50) g; \
    create schema sales; \
    create type sales.mood as enum ('good', 'bad'); \
    create table sales.\"Odd \"\"Name\" (m sales.mood); \
    insert into sales.\"Odd \"\"Name\" values ('bad'); \
    create sequence sales.numbers start 7; \
    create table sales.measures (day date not null, v int) partition by range (day); \
    create table sales.measures_1 partition of sales.measures for values from ('2026-01-01') to ('2026-02-01'); \
    create table sales.measures_2 partition of sales.measures for values from ('2026-02-01') to ('2026-03-01') \
    tablespace fast; \
    create index on sales.measures (v); \
    insert into sales.measures select '2026-01-15'::date + g % 30, g from generate_series(1, 1000) g";

/// The moment before all of it was dropped.
const BEFORE: [&str; 2] = ["--type=name", "--target=before"];

/// Rows of a table as one word.
fn digest(stage: &Stage<'_>, database: &str, table: &str) -> Result<String> {
    let text = format!(
        "select count(*) || '-' || md5(string_agg(t::text, ',' order by t::text)) from {table} t"
    );
    Ok(stage.cluster.sql_in(database, &text)?)
}

fn is(what: &str, found: &str, wanted: &str) -> TestResult {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: '{found}' instead of '{wanted}'").into()),
    }
}

/// A restore of a table that must end with this code and leave nothing.
fn restore(stage: &Stage<'_>, code: i32, arguments: &[&str]) -> Result<Outcome> {
    let ended = run(&mut stage.scratch_command(arguments, "restore-table"))?.expect_code(code)?;
    stage.nothing_is_left()?;
    Ok(ended)
}

fn load(stage: &Stage<'_>, database: &str, file: &Path) -> TestResult {
    let mut psql = stage.cluster.client("psql")?;
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f"])
        .arg(file);
    run(&mut psql)?.success()?;
    Ok(())
}

fn brought_back(program: &Program, major: u32) -> TestResult {
    // Without checksums WAL says of some pages only that they have changed, and those of the other databases are not there.
    let builder = Cluster::builder(major).data_checksums(false);
    let stage = Stage::new(program, builder, |made| made)?;
    let cluster = &stage.cluster;
    let space = cluster.scratch().make_dir("space")?;
    cluster.sql(&format!(
        "create tablespace fast location '{}'",
        space.display()
    ))?;
    for database in ["shop", "other", "check"] {
        cluster.sql(&format!("create database \"{database}\""))?;
    }
    cluster.sql_in(
        "other",
        "create table big with (autovacuum_enabled = off) as select g from generate_series(1, 5000) g",
    )?;
    cluster.sql_in("shop", MADE)?;
    cluster.sql_in("shop", "select lo_from_bytea(4711, 'kept')")?;
    stage.run(&["--type=full", "backup"])?;
    cluster.sql_in("other", "vacuum big")?;
    cluster.sql_in("shop", "insert into orders (note) values ('late')")?;
    let orders = digest(&stage, "shop", "orders")?;
    let measures = digest(&stage, "shop", "sales.measures")?;
    let allow = |whether: bool| {
        cluster.sql(&format!(
            "alter database other with allow_connections {whether}"
        ))
    };
    allow(false)?;
    cluster.sql_in("shop", "select pg_create_restore_point('before')")?;
    allow(true)?;
    cluster.sql_in(
        "shop",
        "drop table lines, orders; drop schema sales cascade",
    )?;
    stage.archive_all()?;
    let with = |more: &[&'static str]| -> Vec<&'static str> { [&BEFORE[..], more].concat() };

    let table = "--table=shop.public.orders";
    dry(&stage, &with(&[table]))?;
    // To standard output, which has nothing but the dump.
    let said = restore(&stage, 0, &with(&[table, "--log-level-console=info"]))?;
    let left_out = match major {
        12 => "MB\n",
        _ => "without 2 other databases",
    };
    let plan = [
        "restore-table plan",
        "moment: restore point 'before'",
        "restore: public.orders of database shop",
        left_out,
    ];
    holds(&said.stderr, &plan)?;
    if !said.stdout.starts_with("--") || said.stdout.contains("INFO") {
        return Err(format!("not a dump alone: {:.300}", said.stdout).into());
    }
    load(
        &stage,
        "check",
        &cluster.scratch().write("dump.sql", &said.stdout)?,
    )?;
    is("orders", &digest(&stage, "check", "orders")?, &orders)?;
    // A server that replays WAL goes on behind the values that were set aside.
    let number = "select last_value between 51 and 83 from orders_id_seq";
    is("the sequence", &cluster.sql_in("check", number)?, "t")?;
    // What was dropped is not there at the end.
    let gone = restore(&stage, 81, &[table])?;
    holds(
        &gone.stderr,
        &["there is no table 'public.orders'", "if it was dropped"],
    )?;
    into_the_cluster(&stage, &orders, &measures)?;
    in_part(&stage, &measures)?;
    // There may be no clients of the oldest version, and others do not make a database in it.
    if major > 12 {
        refused(&stage, &orders)?;
        to_a_file(&stage)?;
        to_output(&stage)?;
        into_a_database(&stage, &orders)?;
    }
    Ok(())
}

/// The plan alone: also what would be refused is found out, and nothing is made.
fn dry(stage: &Stage<'_>, arguments: &[&'static str]) -> TestResult {
    let path = stage.cluster.scratch().join("planned");
    let file = format!("--dump-file={}", path.display());
    let planned = [arguments, &["--dry-run", &file]].concat();
    let said = restore(stage, 0, &planned)?.stdout;
    holds(
        &said,
        &[
            "restore: public.orders of database shop",
            "/planned'",
            "nothing has been changed: without --dry-run the restore would begin.",
        ],
    )?;
    if path.exists() || said.contains("CREATE TABLE") {
        return Err(format!("more than a plan:\n{said:.300}").into());
    }
    let there = ["--dry-run", "--to-cluster", "--table=other.public.big"];
    let refused = restore(stage, 58, &there)?;
    holds(&refused.stderr, &["table 'public.big' exists"])?;
    holds(&refused.stdout, &["the restore would be refused"])?;
    // For programs, all that would stop it. A file that is there is not written over.
    let file = stage.cluster.scratch().write("there", "kept")?;
    let file = format!("--dump-file={}", file.display());
    let json = [arguments, &["--dry-run", "--output=json", &file]].concat();
    let refused = restore(stage, 93, &json)?;
    let plan: Value = serde_json::from_str(&refused.stdout)?;
    for (what, found, wanted) in [
        (
            "what",
            &plan["restore"]["table"][0]["name"],
            json!("orders"),
        ),
        ("moment", &plan["recovery"]["target"], json!("before")),
        (
            "version",
            &plan["set"]["pg-version"],
            json!(stage.cluster.major()),
        ),
        ("goal", &plan["to"]["kind"], json!("file")),
        ("obstacle", &plan["refused"][0]["code"], json!(93)),
        ("obstacles", &plan["refused"][1], Value::Null),
    ] {
        is(what, &found.to_string(), &wanted.to_string())?;
    }
    let there = [&there[..], &["--output=json"]].concat();
    let refused = restore(stage, 58, &there)?;
    let plan: Value = serde_json::from_str(&refused.stdout)?;
    let message = plan["refused"][0]["message"].to_string();
    holds(&message, &["table 'public.big' exists"])
}

fn to_a_file(stage: &Stage<'_>) -> TestResult {
    let directory = stage.cluster.scratch().make_dir("dumps")?;
    let path = directory.join("orders");
    let file = format!("--dump-file={}", path.display());
    let wanted = [
        "--table=shop.public.orders",
        file.as_str(),
        "--dump-format=custom",
    ];
    let arguments = [&BEFORE[..], &wanted].concat();
    restore(stage, 0, &arguments)?;
    if !fs::read(&path)?.starts_with(b"PGDMP") {
        return Err("not a dump in custom format".into());
    }
    // It is not written over.
    holds(
        &restore(stage, 93, &arguments)?.stderr,
        &["exists", "it was not changed"],
    )
}

fn to_output(stage: &Stage<'_>) -> TestResult {
    // The database did not allow connections then.
    let arguments = [&BEFORE[..], &["--table=other.public.big"]].concat();
    let dump = restore(stage, 0, &arguments)?.stdout;
    holds(&dump, &["CREATE TABLE public.big", "\n5000\n"])?;
    // Whoever reads it goes away.
    let mut command = stage.scratch_command(&arguments, "restore-table");
    let piped = || std::process::Stdio::piped();
    let mut child = command.stdout(piped()).stderr(piped()).spawn()?;
    drop(child.stdout.take());
    let ended = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    if ended.status.code() != Some(64) {
        return Err(format!("{}: {said}", ended.status).into());
    }
    let told = "standard output was closed before all of the dump was written";
    holds(&said, &[told])?;
    stage.nothing_is_left()
}

/// A restore into the running cluster.
fn into(stage: &Stage<'_>, code: i32, more: &[&str]) -> Result<Outcome> {
    let arguments = [&BEFORE[..], &["--to-cluster"], more].concat();
    restore(stage, code, &arguments)
}

const BOTH: [&str; 2] = ["--table=shop.public.orders", "--table=shop.public.lines"];

fn into_the_cluster(stage: &Stage<'_>, orders: &str, measures: &str) -> TestResult {
    let cluster = &stage.cluster;
    into(stage, 0, &BOTH)?;
    is("orders", &digest(stage, "shop", "orders")?, orders)?;
    let keys = "select count(*) from pg_constraint where conname = 'lines_order_id_fkey'";
    is("foreign keys", &cluster.sql_in("shop", keys)?, "1")?;
    into(stage, 0, &["--schema=shop.sales"])?;
    let odd = "select m from sales.\"Odd \"\"Name\"";
    is("an odd name", &cluster.sql_in("shop", odd)?, "bad")?;
    let next = "select nextval('sales.numbers')";
    is("a sequence", &cluster.sql_in("shop", next)?, "7")?;
    is(
        "measures",
        &digest(stage, "shop", "sales.measures")?,
        measures,
    )
}

/// Partitions, beside those that are there and alone.
fn in_part(stage: &Stage<'_>, measures: &str) -> TestResult {
    let cluster = &stage.cluster;
    into(
        stage,
        0,
        &["--table=shop.sales.measures", "--to-schema=restored"],
    )?;
    for schema in ["sales", "restored"] {
        let table = format!("{schema}.measures");
        is(&table, &digest(stage, "shop", &table)?, measures)?;
        let place = format!(
            "select spcname from pg_class c join pg_tablespace s on s.oid = c.reltablespace \
             where c.oid = '{schema}.measures_2'::regclass"
        );
        is("its tablespace", &cluster.sql_in("shop", &place)?, "fast")?;
    }
    // A partition alone is a table.
    into(
        stage,
        0,
        &["--table=shop.sales.measures_2", "--to-table=february"],
    )?;
    let alone = "select relispartition from pg_class where relname = 'february'";
    is("a partition", &cluster.sql_in("shop", alone)?, "f")
}

fn refused(stage: &Stage<'_>, orders: &str) -> TestResult {
    let cluster = &stage.cluster;
    // What is there stays, whatever is asked without --clean.
    cluster.sql_in("shop", "update orders set note = 'changed'")?;
    let changed = digest(stage, "shop", "orders")?;
    let refused = into(stage, 58, &BOTH[..1])?;
    holds(
        &refused.stderr,
        &[
            "table 'public.orders' exists",
            "nothing was changed",
            "--clean",
        ],
    )?;
    // Something depends on it.
    let refused = into(stage, 57, &[BOTH[0], "--clean"])?;
    holds(&refused.stderr, &["remove what depends on it first"])?;
    is("orders", &digest(stage, "shop", "orders")?, &changed)?;
    into(stage, 0, &[BOTH[0], BOTH[1], "--clean"])?;
    is("orders", &digest(stage, "shop", "orders")?, orders)?;
    // Beside it.
    into(stage, 0, &[BOTH[0], "--to-table=orders_old"])?;
    is("orders_old", &digest(stage, "shop", "orders_old")?, orders)
}

fn into_a_database(stage: &Stage<'_>, orders: &str) -> TestResult {
    let cluster = &stage.cluster;
    let arguments = [
        &BEFORE[..],
        &["--database=shop", "--to-cluster", "--to-database=shop_then"],
    ]
    .concat();
    restore(stage, 0, &arguments)?;
    is("orders", &digest(stage, "shop_then", "orders")?, orders)?;
    let large = "select convert_from(lo_get(4711), 'UTF8')";
    is(
        "a large object",
        &cluster.sql_in("shop_then", large)?,
        "kept",
    )?;
    holds(
        &restore(stage, 58, &arguments)?.stderr,
        &["database 'shop_then' exists", "--to-database"],
    )
}
