//! The options of `repo-copy`. The only file of this command that names options.

use pgkeep_config::option::{self, OptionDef};
use pgkeep_repo::Stanza;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::{self, append_only};
use crate::jobs::PoolSettings;
use crate::run::Context;

/// Which WAL is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wal {
    /// All there is.
    Everything,
    /// What makes the chosen backups consistent.
    OfSets,
    /// All from the oldest chosen backup on.
    FromOldest,
}

/// Typed options of `repo-copy`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    pub from: u32,
    pub to: u32,
    /// As given; `None`: all backups.
    pub sets: Option<Vec<String>>,
    pub wal: Wal,
    pub dry_run: bool,
    /// The result is for programs.
    pub json: bool,
    pub buffer_size: usize,
    pub pool: PoolSettings,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// A repository that is not configured, is on another host, or is both source and target.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let number = |option: &'static OptionDef| {
            config
                .integer(option)
                .and_then(|number| usize::try_from(number).ok())
        };
        let from = repository::default_key(config);
        let to = config
            .integer(option::REPO_TO)
            .and_then(|key| u32::try_from(key).ok())
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::OptionRequired,
                    "repo-copy command requires option: repo-to",
                )
                .with_hint("--repo-to=2 copies into repo2.")
            })?;
        for key in [from, to] {
            if !config.keys(option::Group::Repo).contains(&key) {
                return Err(Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("repo{key} is not in the configuration"),
                )
                .with_hint(format!(
                    "both repositories must be configured on this host: set repo{key}-path and what its type needs."
                )));
            }
            if config.string_at(option::REPO_HOST, key).is_some() {
                return Err(Error::new(
                    ErrorCode::OptionInvalid,
                    format!("repo-copy command must be run on the host of repo{key}"),
                )
                .with_hint("that host has the keys; configure both repositories there."));
            }
        }
        if from == to {
            return Err(onto_itself(from, to));
        }
        if append_only::is_set(config, to) {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                format!(
                    "repo-copy changes files of repo{to}, which repo{to}-sftp-append-only rules out"
                ),
            )
            .with_hint("copy into a repository in which this host may replace and remove files."));
        }
        let sets: Option<Vec<String>> = config.string(option::SET).map(|text| {
            let labels = text.split(',').map(str::trim);
            labels.map(str::to_owned).collect()
        });
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            from,
            to,
            wal: match (&sets, config.string(option::WAL)) {
                (None, _) => Wal::Everything,
                (Some(_), Some("all")) => Wal::FromOldest,
                (Some(_), _) => Wal::OfSets,
            },
            sets,
            dry_run: config.boolean(option::DRY_RUN),
            json: config.string(option::OUTPUT) == Some("json"),
            buffer_size: config
                .size(option::BUFFER_SIZE)
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(1 << 20),
            pool: PoolSettings {
                workers: number(option::PROCESS_MAX).unwrap_or(1),
                ..PoolSettings::default()
            },
        })
    }
}

/// Source and target are one.
pub(super) fn onto_itself(from: u32, to: u32) -> Error {
    Error::new(
        ErrorCode::OptionInvalidValue,
        format!("repo{from} cannot be copied onto itself: repo{to} is in the same place"),
    )
    .with_hint("--repo is the repository to copy from, --repo-to another one to copy to.")
}
