//! Drills and tables out of repositories that are elsewhere.

use std::sync::Arc;
use std::time::Duration;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, holds};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    // Round trips in milliseconds.
    for round_trip in if full { vec![0, 50] } else { vec![0] } {
        let own = Arc::clone(program);
        suite = suite.test(
            format!("drill_and_restore_table_work_from_an_sftp_server_{round_trip}_ms_away"),
            move || from_sftp(&own, round_trip),
        );
    }
    let mut stores = vec![("s3", Kind::Moto)];
    if full {
        stores.extend([("azure", Kind::Azurite), ("gcs", Kind::Gcs)]);
    }
    for (name, kind) in stores {
        let own = Arc::clone(program);
        suite = suite.test(
            format!("drill_and_restore_table_work_from_a_bucket_of_{name}"),
            move || from_bucket(&own, kind),
        );
    }
    suite
}

fn from_sftp(program: &Program, round_trip: u64) -> TestResult {
    let server = SftpServer::builder().start()?;
    let one_way = Duration::from_millis(round_trip / 2);
    let proxy = Network::new().delay(one_way).to(server.address())?;
    let known = server.known_hosts_for(proxy.address())?;
    both(&Stage::new(program, Cluster::builder(15), |made| {
        made.sftp(&server)
            .global("repo1-sftp-host", proxy.address().ip())
            .global("repo1-sftp-host-port", proxy.address().port())
            .global("repo1-sftp-known-host", known.display())
    })?)
}

fn from_bucket(program: &Program, kind: Kind) -> TestResult {
    let server = ObjectServer::start(kind)?;
    both(&Stage::new(program, Cluster::builder(15), |made| {
        made.bucket(1, &server)
    })?)
}

fn both(stage: &Stage<'_>) -> TestResult {
    stage
        .cluster
        .sql("create table t as select g from generate_series(1, 100) g")?;
    stage.run(&["--type=full", "backup"])?;
    stage.before_it_is_dropped("t")?;
    holds(&stage.drill(0, &[])?.stdout, &["all proofs passed"])?;
    stage.brings_back("t", "\n100\n", &[])
}
