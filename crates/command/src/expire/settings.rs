//! The options of `expire`. The only file of this command that names options.

use pgkeep_config::Config;
use pgkeep_config::option::{self, OptionDef};
use pgkeep_repo::retention::Generations;
use pgkeep_repo::{BackupLabel, BackupType, Stanza};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::run::{Context, label};

/// Typed options of `expire`; after `backup` those that only `expire` has are unset.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    /// Repositories to work on.
    pub keys: Vec<u32>,
    /// Only this backup, whatever retention says.
    pub set: Option<BackupLabel>,
    /// The oldest full backup goes, whatever retention says.
    pub oldest: bool,
    /// No WAL from this segment on is removed.
    pub archive_expire_before: Option<String>,
    /// Nothing is removed if the oldest backup left would have invalid pages.
    pub page_error: bool,
    /// Tell, and change nothing.
    pub dry_run: bool,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// Values that are malformed or exclude each other.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let oldest = config.boolean(option::OLDEST);
        let set = config.string(option::SET);
        if set.is_some() && oldest {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                "--oldest and --set cannot be used together",
            ));
        }
        let set = set.map(label::parse);
        let before = config.string(option::ARCHIVE_EXPIRE_BEFORE);
        if let Some(text) = before.filter(|text| !is_segment(text)) {
            return Err(Error::new(
                ErrorCode::OptionInvalidValue,
                format!(
                    "'{text}' is not a valid WAL segment name for option '--archive-expire-before'"
                ),
            )
            .with_hint("the name of a segment has 24 hexadecimal digits, for example 000000010000000A000000F0."));
        }
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            keys: repository::keys(config),
            set: set.transpose()?,
            oldest,
            archive_expire_before: before.map(str::to_owned),
            page_error: config.boolean(option::CHECKSUM_PAGE_ERROR),
            dry_run: config.boolean(option::DRY_RUN),
        })
    }
}

/// Exactly a segment: a `.partial` would move the limit.
fn is_segment(text: &str) -> bool {
    text.len() == 24
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

/// What one repository retains. `--oldest` and time-based retention change it for the rest of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retention {
    /// [`Self::full`] is in days.
    pub by_time: bool,
    pub full: Option<u32>,
    pub diff: Option<u32>,
    pub archive_type: BackupType,
    pub archive: Option<u32>,
    /// Days.
    pub history: Option<u32>,
    pub generations: Generations,
}

impl Retention {
    pub(super) fn of(config: &Config, key: u32) -> Self {
        let number = |option: &'static OptionDef| {
            config
                .integer_at(option, key)
                .and_then(|number| u32::try_from(number).ok())
        };
        let archive_type = config.string_at(option::REPO_RETENTION_ARCHIVE_TYPE, key);
        Self {
            by_time: config.string_at(option::REPO_RETENTION_FULL_TYPE, key) == Some("time"),
            full: number(option::REPO_RETENTION_FULL),
            diff: number(option::REPO_RETENTION_DIFF),
            archive_type: archive_type
                .and_then(|name| name.parse().ok())
                .unwrap_or(BackupType::Full),
            archive: number(option::REPO_RETENTION_ARCHIVE),
            history: number(option::REPO_RETENTION_HISTORY),
            generations: Generations {
                daily: number(option::REPO_RETENTION_DAILY).unwrap_or(0),
                weekly: number(option::REPO_RETENTION_WEEKLY).unwrap_or(0),
                monthly: number(option::REPO_RETENTION_MONTHLY).unwrap_or(0),
                yearly: number(option::REPO_RETENTION_YEARLY).unwrap_or(0),
            },
        }
    }
}

/// Name of an option of one repository in messages: `repo1-retention-full`.
pub(super) fn repo_option(key: u32, rest: &str) -> String {
    format!("repo{key}-{rest}")
}
