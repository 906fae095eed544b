//! The options of `verify`. The only file of this command that names options.

use std::path::PathBuf;

use pgkeep_config::Program;
use pgkeep_config::option::{self, OptionDef};
use pgkeep_postgres::PgVersion;
use pgkeep_repo::Stanza;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{cluster, repository};
use crate::jobs::PoolSettings;
use crate::run::Context;

/// What is printed of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Print {
    Nothing,
    Text,
    Json,
}

/// Typed options of `verify`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    pub repo_key: u32,
    /// There are several, so the result names its repository.
    pub named: bool,
    /// Only this backup and the WAL that makes it consistent; as given, because a wrong label is a finding, not an error.
    pub set: Option<String>,
    /// Where the result goes besides the log.
    pub print: Print,
    /// Tell also what is in order.
    pub verbose: bool,
    pub buffer_size: usize,
    /// What was verified not longer ago is not read, seconds.
    pub age: Option<i64>,
    /// Where it is remembered; `None`: nothing is, the repository is looked at as it was once.
    pub spool_path: Option<PathBuf>,
    pub version_force: Option<PgVersion>,
    pub pool: PoolSettings,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// A value that no rule of the configuration could check.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let number = |option: &'static OptionDef| {
            config
                .integer(option)
                .and_then(|number| usize::try_from(number).ok())
        };
        if config.is_set(option::AGE) && config.is_set(option::SET) {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                "option 'age' not valid with option 'set'",
            )
            .with_hint("a set that is named is read whenever it was verified last."));
        }
        let is_past = config.is_set(option::REPO_TARGET_TIME);
        if config.is_set(option::AGE) && is_past {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                "option 'age' not valid with option 'repo-target-time'",
            )
            .with_hint("what is verified of a repository as it was once is read in any case."));
        }
        let buffer_size = config
            .size(option::BUFFER_SIZE)
            .and_then(|size| usize::try_from(size).ok());
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            repo_key: repository::default_key(config),
            named: config.program() == Program::PgKeep && repository::keys(config).len() > 1,
            set: config.string(option::SET).map(str::to_owned),
            print: match config.string(option::OUTPUT) {
                Some("text") => Print::Text,
                Some("json") => Print::Json,
                _ => Print::Nothing,
            },
            verbose: config.boolean(option::VERBOSE),
            buffer_size: buffer_size.unwrap_or(1 << 20),
            age: config
                .time(option::AGE)
                .map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX)),
            spool_path: (!is_past).then(|| {
                let path = config.string(option::SPOOL_PATH);
                path.unwrap_or("/var/spool/pgbackrest").into()
            }),
            version_force: cluster::forced_version(context)?,
            pool: PoolSettings {
                workers: number(option::PROCESS_MAX).unwrap_or(1),
                ..PoolSettings::default()
            },
        })
    }
}
