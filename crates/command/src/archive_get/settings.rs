//! What the options say about fetching WAL. The only file of this command that names options.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::Config;
use pgkeep_config::command::Role;
use pgkeep_config::option::{self, Group};
use pgkeep_repo::Stanza;

use crate::error::Result;
use crate::run::{Context, begin};

/// Whether errors must make the server stop. The server does not wait for the background process.
pub(super) fn strict(config: &Config) -> bool {
    config.role() == Role::Main
        && config
            .boolean_or_unset(option::ARCHIVE_GET_STRICT)
            .unwrap_or(false)
}

/// Options of one get.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    pub pg_key: u32,
    /// Take segments from the queue that a background process fills.
    pub asynchronous: bool,
    pub spool_path: String,
    pub timeout: Duration,
    /// Bytes of segments to keep ready.
    pub queue_max: u64,
    /// Ask again for a segment that an earlier background process found missing.
    pub missing_retry: bool,
    pub buffer_size: usize,
    /// Workers in the background.
    pub workers: usize,
    /// Log of the background process, for messages.
    pub async_log: PathBuf,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// When the stanza cannot be used.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let number = |value: Option<u64>, default| {
            value
                .and_then(|value| usize::try_from(value).ok())
                .unwrap_or(default)
        };
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            pg_key: config.default_key(Group::Pg),
            asynchronous: config.boolean(option::ARCHIVE_ASYNC),
            spool_path: config
                .string(option::SPOOL_PATH)
                .unwrap_or("/var/spool/pgbackrest")
                .to_owned(),
            timeout: config
                .time(option::ARCHIVE_TIMEOUT)
                .unwrap_or(Duration::from_secs(60)),
            queue_max: config
                .size(option::ARCHIVE_GET_QUEUE_MAX)
                .unwrap_or(128 << 20),
            missing_retry: config
                .boolean_or_unset(option::ARCHIVE_MISSING_RETRY)
                .unwrap_or(true),
            buffer_size: number(config.size(option::BUFFER_SIZE), 1 << 20),
            workers: number(
                config
                    .integer(option::PROCESS_MAX)
                    .and_then(|n| u64::try_from(n).ok()),
                1,
            ),
            async_log: begin::async_log_file_path(config),
        })
    }
}
