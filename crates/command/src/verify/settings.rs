//! The options of `verify`. The only file of this command that names options.

use pgkeep_config::Program;
use pgkeep_config::option::{self, OptionDef};
use pgkeep_postgres::PgVersion;
use pgkeep_repo::Stanza;

use crate::error::Result;
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
            version_force: cluster::forced_version(context)?,
            pool: PoolSettings {
                workers: number(option::PROCESS_MAX).unwrap_or(1),
                ..PoolSettings::default()
            },
        })
    }
}
