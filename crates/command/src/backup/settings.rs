//! What the options say about one backup. The only file of this command that names options.
//!
//! Values are what the user asked for. What a diff or incr must take over from the backup it depends on (compression,
//! page checksums, …) is changed in [`super::plan::Plan`], never here.

use std::time::Duration;

use pgkeep_config::Config;
use pgkeep_config::command::CommandId;
use pgkeep_config::option::{self, Group, OptionDef};
use pgkeep_pipeline::CompressType;
use pgkeep_pipeline::block::size_map::{BlockRules, SUPER_BLOCK_SIZE, SUPER_BLOCK_SIZE_FULL};
use pgkeep_repo::backup_info::Annotations;
use pgkeep_repo::claims::Limits;
use pgkeep_repo::{BackupType, Stanza};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::added_sets;
use crate::hosts::repository::{self, append_only};
use crate::jobs::PoolSettings;
use crate::run::Context;

/// Options of one backup.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    pub repo_key: u32,
    /// The cluster of an offline backup.
    pub pg_key: u32,
    /// Several repositories are configured and none was named.
    pub repo_defaulted: bool,
    pub backup_type: BackupType,
    pub online: bool,
    pub standby: UseStandby,
    pub force: bool,
    pub start_fast: bool,
    pub archive_check: bool,
    pub archive_copy: bool,
    pub archive_timeout: Duration,
    /// `None`: as the cluster has it.
    pub checksum_page: Option<bool>,
    /// Bad pages end the backup.
    pub page_error: bool,
    pub page_header_check: bool,
    pub compress: CompressType,
    pub compress_level: i32,
    pub compress_level_network: i32,
    pub delta: bool,
    pub resume: bool,
    /// What retention asks for, by which backups are judged that are not listed yet.
    pub limits: Limits,
    pub bundle: Option<BundleSettings>,
    pub block: Option<BlockOptions>,
    pub hardlink: bool,
    /// Whether the repository's files are encrypted.
    pub encrypted: bool,
    pub exclude: Vec<String>,
    pub annotations: Annotations,
    pub buffer_size: u64,
    pub process_max: u32,
    pub manifest_save_threshold: u64,
    pub pool: PoolSettings,
}

/// Whether files are copied from a standby (`backup-standby`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UseStandby {
    No,
    /// Without a standby there is no backup.
    Yes,
    /// The primary will do when no standby can be reached or has caught up in time.
    Prefer,
}

/// `repo-bundle` with its sizes, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BundleSettings {
    /// A bundle is full once its files reach this.
    pub size: u64,
    /// Bigger files are stored alone.
    pub limit: u64,
}

impl BundleSettings {
    /// Whether a file of this size is bundled.
    pub(super) fn takes(&self, size: u64) -> bool {
        size <= self.limit
    }
}

/// `repo-block` with its sizes, bytes.
#[derive(Debug, Clone)]
pub(super) struct BlockOptions {
    pub rules: BlockRules,
    pub super_block_size: u64,
    pub super_block_size_full: u64,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// A value that no rule of the configuration could check, or a feature that is not there yet.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let compress = config
            .string(option::COMPRESS_TYPE)
            .unwrap_or("gz")
            .parse::<CompressType>()?;
        let level = |option, default| {
            config
                .integer(option)
                .and_then(|level| i32::try_from(level).ok())
                .unwrap_or(default)
        };
        let process_max = number(config, option::PROCESS_MAX).unwrap_or(1);
        let defaults = PoolSettings::default();
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            pg_key: config.default_key(Group::Pg),
            repo_key: repository::default_key(config),
            repo_defaulted: repository::keys(config).len() > 1,
            backup_type: config.string(option::TYPE).unwrap_or("incr").parse()?,
            online: config.boolean(option::ONLINE),
            standby: use_standby(config),
            force: config.boolean(option::FORCE),
            start_fast: config.boolean(option::START_FAST),
            archive_check: config.boolean(option::ARCHIVE_CHECK),
            archive_copy: config.boolean(option::ARCHIVE_COPY),
            archive_timeout: config
                .time(option::ARCHIVE_TIMEOUT)
                .unwrap_or(Duration::from_secs(60)),
            checksum_page: config.boolean_or_unset(option::CHECKSUM_PAGE),
            page_error: config.boolean(option::CHECKSUM_PAGE_ERROR),
            page_header_check: config
                .boolean_or_unset(option::PAGE_HEADER_CHECK)
                .unwrap_or(true),
            compress,
            compress_level: level(option::COMPRESS_LEVEL, compress.default_level()),
            compress_level_network: level(option::COMPRESS_LEVEL_NETWORK, 1),
            delta: config.boolean(option::DELTA),
            resume: config.boolean(option::RESUME),
            limits: added_sets::limits(config, repository::default_key(config)),
            bundle: bundle(config),
            block: block(config)?,
            hardlink: config.boolean(option::REPO_HARDLINK),
            encrypted: config
                .string(option::REPO_CIPHER_TYPE)
                .is_some_and(|kind| kind != "none"),
            exclude: config.list(option::EXCLUDE).unwrap_or_default().to_vec(),
            annotations: annotations(config)?,
            buffer_size: config.size(option::BUFFER_SIZE).unwrap_or(1 << 20),
            process_max,
            manifest_save_threshold: config
                .size(option::MANIFEST_SAVE_THRESHOLD)
                .unwrap_or(1 << 30),
            pool: PoolSettings {
                workers: process_max as usize,
                retry: number(config, option::JOB_RETRY).unwrap_or(defaults.retry),
                retry_interval: config
                    .time(option::JOB_RETRY_INTERVAL)
                    .unwrap_or(defaults.retry_interval),
                ..defaults
            },
        })
    }

    /// The buffer size as memory sizes are counted.
    pub(super) fn buffer_bytes(&self) -> usize {
        usize::try_from(self.buffer_size).unwrap_or(1 << 20)
    }
}

/// Whether `expire` follows the backup in the same run.
pub(super) fn expires_afterwards(config: &Config) -> bool {
    if config.command() != CommandId::Backup || !config.boolean(option::EXPIRE_AUTO) {
        return false;
    }
    let keys = repository::keys(config);
    if !keys.iter().all(|key| append_only::is_set(config, *key)) {
        return true;
    }
    let key = repository::default_key(config);
    log::info!("{}", append_only::not_expired(key));
    false
}

fn use_standby(config: &Config) -> UseStandby {
    match config.string(option::BACKUP_STANDBY) {
        Some("y") => UseStandby::Yes,
        Some("prefer") => UseStandby::Prefer,
        _ => UseStandby::No,
    }
}

fn number(config: &Config, option: &'static OptionDef) -> Option<u32> {
    config
        .integer(option)
        .and_then(|value| u32::try_from(value).ok())
}

fn bundle(config: &Config) -> Option<BundleSettings> {
    config.boolean(option::REPO_BUNDLE).then(|| BundleSettings {
        size: config.size(option::REPO_BUNDLE_SIZE).unwrap_or(20 << 20),
        limit: config.size(option::REPO_BUNDLE_LIMIT).unwrap_or(2 << 20),
    })
}

fn block(config: &Config) -> Result<Option<BlockOptions>> {
    if !config.boolean(option::REPO_BLOCK) {
        return Ok(None);
    }
    let mut rules = BlockRules::default();
    if let Some(map) = config.map(option::REPO_BLOCK_SIZE_MAP) {
        let option = option::REPO_BLOCK_SIZE_MAP;
        rules = rules.with_size_map(pairs(config, option, map, map_size, map_size)?);
    }
    if let Some(map) = config.map(option::REPO_BLOCK_AGE_MAP) {
        rules = rules.with_age_map(pairs(
            config,
            option::REPO_BLOCK_AGE_MAP,
            map,
            plain_number,
            plain_number,
        )?);
    }
    if let Some(map) = config.map(option::REPO_BLOCK_CHECKSUM_SIZE_MAP) {
        let checksum_size = |text: &str| plain_number(text).filter(|size| (6..=16).contains(size));
        let option = option::REPO_BLOCK_CHECKSUM_SIZE_MAP;
        rules = rules.with_checksum_size_map(pairs(config, option, map, map_size, checksum_size)?);
    }
    Ok(Some(BlockOptions {
        rules,
        super_block_size: config
            .size(option::REPO_BLOCK_SIZE_SUPER)
            .unwrap_or(SUPER_BLOCK_SIZE),
        super_block_size_full: config
            .size(option::REPO_BLOCK_SIZE_SUPER_FULL)
            .unwrap_or(SUPER_BLOCK_SIZE_FULL),
    }))
}

/// The pairs of a map option as numbers; the first text that is none is refused.
fn pairs(
    config: &Config,
    option: &'static OptionDef,
    map: &[(String, String)],
    key: impl Fn(&str) -> Option<u64>,
    value: impl Fn(&str) -> Option<u64>,
) -> Result<Vec<(u64, u64)>> {
    let name = option.name.replacen(
        "repo-",
        &format!("repo{}-", repository::default_key(config)),
        1,
    );
    let bad = |text: &str| {
        Error::new(
            ErrorCode::OptionInvalidValue,
            format!("'{text}' is not valid for '{name}' option"),
        )
    };
    map.iter()
        .map(|(left, right)| {
            Ok((
                key(left).ok_or_else(|| bad(left))?,
                value(right).ok_or_else(|| bad(right))?,
            ))
        })
        .collect()
}

fn plain_number(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(u64::from)
}

/// A size of a map: above 0 and, as with pgBackRest, within 32 bits.
fn map_size(text: &str) -> Option<u64> {
    pgkeep_config::parse_size(text)
        .and_then(|size| u64::try_from(size).ok())
        .filter(|size| (1..=u64::from(u32::MAX)).contains(size))
}

fn annotations(config: &Config) -> Result<Annotations> {
    let pairs = config.map(option::ANNOTATION).unwrap_or_default();
    crate::annotate::check_keys(pairs)?;
    Ok(pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.clone().into_bytes(), value.clone().into_bytes()))
        .collect())
}
