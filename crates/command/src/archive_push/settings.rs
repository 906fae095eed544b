//! What the options say about pushing WAL. The only file of this command that names options.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::option::{self, Group};
use pgkeep_pipeline::CompressType;
use pgkeep_postgres::PgVersion;
use pgkeep_repo::Stanza;

use crate::error::Result;
use crate::hosts::cluster;
use crate::run::{Context, begin};

/// Options of one push.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    /// Key of the cluster, and whether its data directory is known (without it only absolute paths work).
    pub pg_key: u32,
    pub pg_path_set: bool,
    /// Hand over to the background process.
    pub asynchronous: bool,
    pub spool_path: String,
    pub timeout: Duration,
    /// The timeout as it was spelled, for messages.
    pub timeout_text: String,
    pub header_check: bool,
    pub mode_check: bool,
    pub version_force: Option<PgVersion>,
    pub compress: CompressType,
    pub level: i32,
    pub buffer_size: usize,
    /// Bytes of waiting WAL above which it is dropped.
    pub queue_max: Option<u64>,
    /// Bytes that one run in the background takes on.
    pub batch_size: u64,
    /// Workers in the background.
    pub workers: usize,
    /// Log of the background process, for messages.
    pub async_log: PathBuf,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// When the stanza or the forced version cannot be used.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let compress = match config.string(option::COMPRESS_TYPE) {
            Some(name) => name.parse()?,
            None => CompressType::Gz,
        };
        let level = config
            .integer(option::COMPRESS_LEVEL)
            .and_then(|level| i32::try_from(level).ok());
        let number = |value: Option<u64>, default| {
            value
                .and_then(|value| usize::try_from(value).ok())
                .unwrap_or(default)
        };
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            pg_key: config.default_key(Group::Pg),
            pg_path_set: config.is_set(option::PG_PATH),
            asynchronous: config.boolean(option::ARCHIVE_ASYNC),
            spool_path: config
                .string(option::SPOOL_PATH)
                .unwrap_or("/var/spool/pgbackrest")
                .to_owned(),
            timeout: config
                .time(option::ARCHIVE_TIMEOUT)
                .unwrap_or(Duration::from_secs(60)),
            timeout_text: config.spelling(option::ARCHIVE_TIMEOUT).unwrap_or_default(),
            header_check: config
                .boolean_or_unset(option::ARCHIVE_HEADER_CHECK)
                .unwrap_or(true),
            mode_check: config
                .boolean_or_unset(option::ARCHIVE_MODE_CHECK)
                .unwrap_or(true),
            version_force: cluster::forced_version(context)?,
            compress,
            level: level.unwrap_or_else(|| compress.default_level()),
            buffer_size: number(config.size(option::BUFFER_SIZE), 1 << 20),
            queue_max: config.size(option::ARCHIVE_PUSH_QUEUE_MAX),
            batch_size: config
                .size(option::ARCHIVE_PUSH_BATCH_SIZE)
                .unwrap_or(16 << 30),
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
