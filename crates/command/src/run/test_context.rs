//! The context of unit tests: options from words alone, no configuration file, a clock that stands still, nobody to ask.
//!
//! A test that needs a field to be another writes `Context { clock, ..test_context::new(…) }`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pgkeep_config::{ConfigFiles, Input, Program};

use super::cancel::Cancel;
use super::clock::Clock;
use super::context::{Context, Output, User};
use super::progress::NoProgress;
use super::prompt::NoTerminal;
use super::summary::Summary;
use crate::hosts::links::Links;
use crate::hosts::shared_limits::SharedLimits;
use crate::hosts::storages::Storages;
use crate::hosts::unanswered::Unanswered;

/// When tests run, seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A machine without any configuration file, or with one of this content where `--config` looks for it.
struct Files<'a>(Option<&'a str>);

/// Where it is.
const CONFIG: &str = "/test.conf";

impl ConfigFiles for Files<'_> {
    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        match self.0 {
            Some(content) if path == CONFIG => Ok(content.as_bytes().to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, _path: &str) -> std::io::Result<Vec<String>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn home(&self) -> Option<String> {
        None
    }
}

/// The context of `command` for stanza demo with these options. A repository that they encrypt has the passphrase `secret`.
pub(crate) fn new(program: Program, command: &str, options: &[impl AsRef<str>]) -> Context {
    with_environment(program, command, options, &[])
}

/// As [`new`], with variables: secrets are refused on the command line.
pub(crate) fn with_environment(
    program: Program,
    command: &str,
    options: &[impl AsRef<str>],
    variables: &[(&str, &str)],
) -> Context {
    let options: Vec<&str> = options.iter().map(AsRef::as_ref).collect();
    make(program, command, &options, variables, None)
}

/// As [`new`], with a configuration file.
pub(crate) fn with_file(program: Program, command: &str, options: &[&str], file: &str) -> Context {
    let config = format!("--config={CONFIG}");
    let options = [options, &[config.as_str()]].concat();
    make(program, command, &options, &[], Some(file))
}

fn make(
    program: Program,
    command: &str,
    options: &[&str],
    variables: &[(&str, &str)],
    file: Option<&str>,
) -> Context {
    let options = options.iter().copied();
    let args: Vec<String> = [program.binary(), "--stanza=demo"]
        .into_iter()
        .chain(options)
        .chain([command])
        .map(str::to_owned)
        .collect();
    let encrypted = args.iter().any(|arg| arg.contains("aes-256-cbc"));
    let secret = ("PGBACKREST_REPO1_CIPHER_PASS", "secret");
    let input = Input {
        program,
        environment: encrypted
            .then_some(secret)
            .into_iter()
            .chain(variables.iter().copied())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        args,
        files: &Files(file),
        uid: 1000,
        exec_id: "1-test".to_owned(),
    };
    let config = pgkeep_config::load(&input)
        .and_then(|loaded| loaded.config.check())
        .expect("options of a test are right")
        .config;
    Context {
        config: Arc::new(config),
        clock: Clock::fixed(Timestamp::from_second(NOW).expect("a time of this century")),
        cancel: Cancel::default(),
        progress: Arc::new(NoProgress),
        summary: Summary::default(),
        output: Output::new(std::io::sink()),
        prompt: Arc::new(NoTerminal),
        user: User {
            uid: 1000,
            gid: 1000,
            name: "me".to_owned(),
            group: "me".to_owned(),
            home: None,
        },
        environment: BTreeMap::new(),
        program_path: Path::new("/usr/bin").join(program.binary()),
        working_directory: PathBuf::from("/"),
        locks: Arc::default(),
        storages: Storages::default(),
        unanswered: Unanswered::default(),
        links: Links::default(),
        rate_limits: SharedLimits::default(),
    }
}
