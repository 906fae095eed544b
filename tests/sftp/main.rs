//! A repository on a real sshd: an account that may do SFTP and nothing else.
//!
//! Everything goes through the program; the original looks at the same files through the server's disk, so what one
//! wrote over SFTP the other reads as it is.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::original::Original;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("sftp: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("sftp");
    for (name, options) in [
        ("plain_gz", vec![]),
        (
            "bundled_blocks_zst",
            vec![
                ("repo1-bundle", "y"),
                ("repo1-block", "y"),
                ("compress-type", "zst"),
            ],
        ),
        (
            "encrypted_lz4",
            vec![
                ("repo1-cipher-type", "aes-256-cbc"),
                ("repo1-cipher-pass", "x"),
                ("compress-type", "lz4"),
            ],
        ),
    ] {
        let program = Arc::clone(&program);
        suite = suite.test(format!("a_repository_over_sftp_lives_{name}"), move || {
            life(&program, &options)
        });
    }
    let unknown = Arc::clone(&program);
    suite
        .test("an_unknown_host_is_refused_with_what_to_do", move || {
            unknown_host(&unknown)
        })
        .run()
}

/// A configuration whose repository is on the server.
struct Stage<'a> {
    program: &'a Program,
    scratch: Scratch,
    server: SftpServer,
    config: std::path::PathBuf,
    local: std::path::PathBuf,
}

impl<'a> Stage<'a> {
    fn new(program: &'a Program, options: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let server = SftpServer::builder().start()?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .relation("base/1/16384", 40)
            .relation("base/1/16385", 3)
            .build(&data)?;
        scratch.account().own_tree(&data)?;
        let key = scratch.join("key");
        std::fs::copy(server.private_key(), &key)?;
        std::os::unix::fs::chown(
            &key,
            Some(scratch.account().uid()),
            Some(scratch.account().gid()),
        )?;
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let known = scratch.write("known_hosts", std::fs::read(server.known_hosts())?)?;
        let mut both = Configuration::new(&scratch)?
            .global("repo1-retention-full", 2)
            .stanza("main", "pg1-path", data.display());
        for (option, value) in options {
            both = both.global(option, value);
        }
        // The original looks at the files where the server keeps them.
        let local = both
            .clone()
            .global("repo1-path", server.files().display())
            .write(&scratch, "local.conf")?;
        let config = both
            .global("repo1-type", "sftp")
            .global("repo1-path", server.remote_dir())
            .global("repo1-sftp-host", server.address().ip())
            .global("repo1-sftp-host-port", server.address().port())
            .global("repo1-sftp-host-user", server.user())
            .global("repo1-sftp-host-key-hash-type", "sha256")
            .global("repo1-sftp-private-key-file", key.display())
            .global("repo1-sftp-known-host", known.display())
            .write(&scratch, "sftp.conf")?;
        Ok(Self {
            program,
            scratch,
            server,
            config,
            local,
        })
    }

    fn outcome(&self, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(run(self
            .program
            .as_original()
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(arguments)?.success()?)
    }
}

fn life(program: &Program, options: &[(&str, &str)]) -> TestResult {
    let stage = Stage::new(program, options)?;
    let builder = DataDirBuilder::new("15")?;
    stage.run(&["--no-online", "stanza-create"])?;
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        builder.wal_segment(1),
    )?;
    stage.run(&["archive-push", &segment.display().to_string()])?;
    stage.run(&["--no-online", "--type=full", "backup"])?;
    stage.scratch.write("data/base/1/PG_VERSION", "15\n")?;
    stage.scratch.write(
        "data/postgresql.conf",
        "# changed since the full backup was made\n",
    )?;
    stage.run(&["--no-online", "--type=incr", "backup"])?;

    let original = Original::mandatory()?;
    // Files belong to the server's account; root reads all of them.
    stage.scratch.account().own_tree(stage.server.files())?;
    let config = format!("--config={}", stage.local.display());
    let verified = original
        .run([
            config.as_str(),
            "--stanza=main",
            "--output=text",
            "--verbose",
            "verify",
        ])?
        .success()?;
    if !verified.stdout.contains("status: ok") || verified.stdout.contains("status: invalid") {
        return Err(format!("the original does not find it whole:\n{}", verified.stdout).into());
    }
    let (ours, theirs) = (
        stage.run(&["info"])?.stdout,
        original
            .run([config.as_str(), "--stanza=main", "info"])?
            .success()?
            .stdout,
    );
    if ours.matches("incr backup: ").count() != 1 || theirs.matches("incr backup: ").count() != 1 {
        return Err(format!("info:\n{ours}\n{theirs}").into());
    }

    let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    stage.run(&[
        "archive-get",
        "000000010000000000000001",
        &fetched.display().to_string(),
    ])?;
    if std::fs::read(&fetched)? != builder.wal_segment(1) {
        return Err("the segment came back with other bytes".into());
    }
    std::fs::remove_file(fetched)?;
    let copy = stage.scratch.make_dir("copy")?;
    stage.run(&[
        &format!("--pg1-path={}", copy.display()),
        "--type=none",
        "restore",
    ])?;
    let ignore = Ignore::of_restore();
    Ok(Snapshot::of(&stage.scratch.join("data"), &ignore)?
        .must_equal(&Snapshot::of(&copy, &ignore)?)?)
}

fn unknown_host(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    stage.scratch.write("known_hosts", "")?;
    let refused = stage
        .outcome(&["--no-online", "stanza-create"])?
        .expect_code(101)?;
    if refused.stdout.contains("HINT: ") {
        Ok(())
    } else {
        Err(format!("no hint in:\n{}", refused.stdout).into())
    }
}
