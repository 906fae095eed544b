//! Unfinished uploads of writers that were killed: `expire` removes those of its stanza, where the server lists them.

use std::sync::Arc;

use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::must_have;

pub(crate) fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (removes, told) = (Arc::clone(program), Arc::clone(program));
    suite
        .test(
            "s3_expire_removes_unfinished_uploads_of_its_stanza",
            move || expire(&removes, Kind::Moto),
        )
        .test(
            "s3_expire_leaves_uploads_to_the_bucket_where_they_cannot_be_listed",
            move || expire(&told, Kind::S3s),
        )
}

/// moto says of every upload that it was started in 2010; s3s-fs knows no lists of uploads.
fn expire(program: &Program, kind: Kind) -> TestResult {
    let server = ObjectServer::start(kind)?;
    let scratch = pgkeep_testkit::scratch::Scratch::new()?;
    let data = scratch.join("data");
    pgkeep_testkit::data_dir::DataDirBuilder::new("15")?.build(&data)?;
    scratch.account().own_tree(&data)?;
    let config = pgkeep_testkit::configuration::Configuration::new(&scratch)?
        .bucket(1, &server)
        .global("repo1-retention-full", 1)
        .stanza("main", "pg1-path", data.display())
        .write(&scratch, "pgbackrest.conf")?;
    let say = |arguments: &[&str]| {
        run(program
            .as_pgbackrest()
            .arg(format!("--config={}", config.display()))
            .arg("--stanza=main")
            .args(arguments))?
        .success()
    };
    say(&["--no-online", "stanza-create"])?;
    say(&["--no-online", "--type=full", "backup"])?;
    let detail = ["--log-level-console=detail", "expire"];
    if kind == Kind::S3s {
        return must_have(
            &say(&detail)?.stdout,
            "repo1: unfinished uploads below '/repo/backup/main' are left to the rules of the bucket: HTTP request \
             failed with 501 (Not Implemented)",
        );
    }
    for name in [
        "repo/backup/main/20260101-000000F/pg_data/base/1/1.zst",
        "repo/archive/main/15-1/0000000100000000/000000010000000000000001",
        "repo/backup/other/20260101-000000F/pg_data/base/1/1.zst",
        "elsewhere",
    ] {
        server.ask("POST", &format!("/{BUCKET}/{name}?uploads"))?;
    }
    must_have(
        &say(&detail)?.stdout,
        "repo1: removed 2 unfinished upload(s) older than a day",
    )?;
    let left = server.ask("GET", &format!("/{BUCKET}?uploads"))?;
    must_have(&left, "repo/backup/other/")?;
    must_have(&left, "<Key>elsewhere</Key>")?;
    match left.matches("<Upload>").count() {
        2 => Ok(()),
        _ => Err(format!("left are {left}").into()),
    }
}
