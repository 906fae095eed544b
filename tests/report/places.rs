//! The page about a repository that is elsewhere: the same as about one here, and what it says when the way there is cut.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use super::stage::{Stage, has};

type Test = fn(&Program) -> TestResult;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let tests: [(&str, Test); 3] = [
        ("the_page_tells_of_a_repository_on_an_sftp_server", sftp),
        ("the_page_tells_of_a_repository_in_a_bucket", bucket),
        ("the_page_tells_of_a_repository_on_a_repository_host", host),
    ];
    tests.into_iter().fold(suite, |suite, (name, test)| {
        let program = Arc::clone(program);
        suite.test(name, move || test(&program))
    })
}

/// What the page says of the repository of a stage, wherever it is.
const TOLD: [&str; 8] = [
    "Stanza main",
    "Stanza web",
    "What can be restored",
    "encrypted with aes-256-cbc",
    "repo1-retention-full=1",
    "Goes after the next full backup:",
    "why: &lt;script&gt;",
    "missing stanza path",
];

/// `place` is what the page calls it, `why` what it says once the server is gone.
fn told<S>(stage: &Stage<'_>, server: S, place: &str, why: &str) -> TestResult {
    let page = stage.report(&[])?;
    for part in TOLD.into_iter().chain([place]) {
        has(&page, part)?;
    }
    for label in stage.told_labels()? {
        has(&page, &label)?;
    }
    drop(server);
    let page = stage.report(&[])?;
    // Whether it is encrypted only its host may know.
    if page.contains("not encrypted") {
        return Err(page.into());
    }
    for part in [
        "Something has failed",
        "Stanza main",
        "Stanza web",
        place,
        why,
    ] {
        has(&page, part)?;
    }
    match page.contains("not a secret") {
        true => Err(page.into()),
        false => Ok(()),
    }
}

fn sftp(program: &Program) -> TestResult {
    let server = SftpServer::builder().start()?;
    let stage = Stage::with(program, |made| made.sftp(&server))?;
    let address = server.address();
    told(&stage, server, "sftp ", &format!("{address}"))
}

fn bucket(program: &Program) -> TestResult {
    let server = ObjectServer::start(Kind::S3s)?;
    let stage = Stage::with(program, |made| made.bucket(1, &server))?;
    told(&stage, server, "s3 pgb:", "unable to connect")
}

/// The stanza was made on the host of the repository, and is looked at from another one.
fn host(program: &Program) -> TestResult {
    let server = SftpServer::builder().without_subsystem().start()?;
    let mut stage = Stage::new(program)?;
    let here: PathBuf = stage.config.clone();
    let ssh = server.ssh(&stage.scratch)?;
    let address = server.address();
    let mut made = Configuration::default();
    for (option, name) in [("lock-path", "lock2"), ("spool-path", "spool2")] {
        made = made.global(option, stage.scratch.make_dir(name)?.display());
    }
    stage.config = made
        .global("log-level-file", "off")
        .global("cmd-ssh", ssh.display())
        .global("repo1-host", address.ip())
        .global("repo1-host-port", address.port())
        .global("repo1-host-user", server.user())
        .global("repo1-host-cmd", program.path().display())
        .global("repo1-host-config", here.display())
        .global("repo1-retention-full", 1)
        .stanza("main", "pg1-path", stage.scratch.join("data").display())
        .stanza("web", "pg1-path", "/nowhere")
        .write(&stage.scratch, "far.conf")?;
    let place = format!("{}", address.ip());
    told(&stage, server, &place, "ssh: connect to host ")
}
