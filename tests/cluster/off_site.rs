//! The whole life of a cluster with a local and an off-site repository, the connection to the second one cut again and again.

use std::sync::Arc;
use std::time::Duration;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, same};

/// Bytes that a connection carries until it is cut.
const CUT_AT: u64 = 2_000_000;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    // A near network that cuts is the easier one.
    for round_trip in [0, 50].into_iter().filter(|&ms| full || ms > 0) {
        let program = Arc::clone(program);
        suite = suite.test(
            format!(
                "a_cluster_lives_on_a_network_of_{round_trip}_ms_that_cuts_every_two_megabytes"
            ),
            move || life(&program, round_trip),
        );
    }
    suite
}

fn life(program: &Program, round_trip: u64) -> TestResult {
    let server = SftpServer::builder().chrooted().start()?;
    let proxy = Network::new()
        .delay(Duration::from_millis(round_trip) / 2)
        .cut_at_byte(CUT_AT)
        .every_connection()
        .to(server.address())?;
    let mut failed = Ok(());
    let stage = Stage::with(program, Cluster::builder(15), |made| {
        let made = made
            .global("repo1-cipher-type", "aes-256-cbc")
            .global("repo1-cipher-pass", "a long secret of the test")
            .global("repo2-bundle", "y")
            .global("repo2-retention-full", 1)
            .global("compress-type", "lz4")
            .global("archive-async", "y")
            .global("archive-timeout", 300);
        made.clone()
            .sftp_behind(2, &server, proxy.address())
            .unwrap_or_else(|error| {
                failed = Err(error);
                made
            })
    })?;
    failed?;
    let sql = |text: &str| stage.cluster.sql(text);
    stage.run(&["check"])?;
    sql("create table t (what text)")?;
    // Hardly compressible, so that a backup is several cuts long.
    sql(
        "create table noise as select g id, sha512(random()::text::bytea) v from generate_series(1, 25000) g",
    )?;
    for kind in ["full", "full", "diff", "incr"] {
        sql(&format!("insert into t values ('before {kind}')"))?;
        sql("update noise set v = sha512(v) where id % 10 = 0")?;
        for repository in ["1", "2"] {
            stage.run(&[
                &format!("--repo={repository}"),
                &format!("--type={kind}"),
                "backup",
            ])?;
        }
    }
    sql("select pg_create_restore_point('here')")?;
    sql("insert into t values ('after the target')")?;
    sql("update noise set v = sha512(v)")?;
    stage.archive_all()?;
    stage.run(&["expire"])?;
    let verified = stage.run(&["--repo=2", "--output=text", "--verbose", "verify"])?;
    if !verified.stdout.contains("status: ok") {
        return Err(format!("verify:\n{}", verified.stdout).into());
    }
    let before_restore = proxy.strikes();

    let expected = "before full,before full,before diff,before incr";
    for (name, arguments, expected) in [
        (
            "here",
            &[
                "--repo=2",
                "--type=name",
                "--target=here",
                "--target-action=promote",
            ][..],
            expected.to_owned(),
        ),
        ("end", &["--repo=2"], format!("{expected},after the target")),
    ] {
        let copy = stage.restore(name, arguments)?;
        let restored = stage.start(&copy)?;
        same(
            name,
            &expected,
            &restored.sql("select string_agg(what, ',' order by ctid) from t")?,
        )?;
        same(
            "rows of noise",
            "25000",
            &restored.sql("select count(*) from noise")?,
        )?;
        restored.stop(StopMode::Immediate)?;
    }
    let cuts = (before_restore, proxy.strikes() - before_restore);
    if cuts.0 < 5 || cuts.1 < 2 {
        return Err(format!("cut only {cuts:?} times before and during restores").into());
    }
    pgbackrest_agrees(&stage, &server)
}

/// pgBackRest finds the off-site repository whole; it reads the files where the server keeps them.
fn pgbackrest_agrees(stage: &Stage<'_>, server: &SftpServer) -> Result<()> {
    stage.cluster.account().own_tree(server.files())?;
    let verified = run(PgBackRest::mandatory()?.command().args([
        "--stanza=main",
        &format!("--repo1-path={}", server.files().display()),
        "--output=text",
        "--verbose",
        "verify",
    ]))?
    .success()?;
    if !verified.stdout.contains("status: ok") || verified.stdout.contains("status: invalid") {
        return Err(format!("pgBackRest:\n{}", verified.stdout).into());
    }
    Ok(())
}
