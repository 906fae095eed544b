//! Locks and stop files of the other host.

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::Test;
use crate::stage::{Host, Stage};

pub const TESTS: &[(&str, Test)] = &[
    ("a_lock_on_the_host_of_the_repository_keeps_out", locks),
    (
        "a_stop_file_on_the_host_of_the_repository_forbids",
        stop_files,
    ),
];

fn locks(program: &Program) -> TestResult {
    let stage = Stage::at_rest(program)?;
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    let directory = stage.directory(Host::Repo, "lock");
    std::fs::create_dir_all(&directory)?;
    stage.scratch.account().own(&directory)?;
    let path = directory.join("main-backup-1.lock");
    let file = std::fs::File::create(&path)?;
    stage.scratch.account().own(&path)?;
    rustix_lock(&file)?;
    stage.fails(
        Host::Pg,
        &["expire", "--repo1-retention-full=1"],
        50,
        &format!(
            "raised from remote-0 ssh protocol on '127.0.0.1': unable to acquire lock on file '{}': Resource temporarily unavailable",
            path.display()
        ),
    )?;
    // Reading needs no lock.
    stage.run(Host::Pg, &["info"])?;
    drop(file);
    stage.run(Host::Pg, &["expire", "--repo1-retention-full=1"])?;
    if path.exists() {
        return Err("the lock file stays when the other host has gone".into());
    }
    stage.nothing_left()
}

fn rustix_lock(file: &std::fs::File) -> crate::Result<()> {
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
    Ok(())
}

fn stop_files(program: &Program) -> TestResult {
    let stage = Stage::at_rest(program)?;
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    stage.run(Host::Repo, &["stop"])?;
    for command in ["expire", "stanza-create"] {
        let words = match command {
            "expire" => vec!["--repo1-retention-full=1", command],
            _ => vec!["--no-online", command],
        };
        stage.fails(
            Host::Pg,
            &words,
            62,
            "raised from remote-0 ssh protocol on '127.0.0.1': stop file exists for stanza main",
        )?;
    }
    stage.run(Host::Pg, &["info"])?;
    stage.run(Host::Pg, &["verify"])?;
    stage.run(Host::Repo, &["start"])?;
    stage.run(Host::Pg, &["--repo1-retention-full=1", "expire"])?;
    stage.nothing_left()
}
