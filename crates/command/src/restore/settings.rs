//! What the options say about one restore. The only file of this command that names options.
//!
//! Delta and force are what the user asked for; [`super::validate`] switches them off where the target does not look
//! like a cluster, and [`super::run`] chooses the type `none` for an offline backup when none was said.

use std::path::{Path, PathBuf};

use pgkeep_config::option::{self, Group, OptionDef};
use pgkeep_config::{Config, shell_word};
use pgkeep_postgres::PgVersion;
use pgkeep_postgres::recovery::{RecoverySettings, RecoveryTarget, TargetAction, quote};
use pgkeep_repo::Stanza;
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{cluster, pg_host, this_host};
use crate::jobs::PoolSettings;
use crate::run::Context;

/// Options of one restore.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub stanza: Stanza,
    /// Data directory, absolute.
    pub data_dir: Vec<u8>,
    /// `None`: the newest backup, or the newest that fits the target.
    pub set: Option<String>,
    pub target: RecoveryTarget,
    /// Nobody said `--type`.
    pub type_defaulted: bool,
    pub target_action: TargetAction,
    pub target_exclusive: bool,
    pub target_timeline: Option<String>,
    pub recovery_options: Vec<(String, String)>,
    pub archive_mode_off: bool,
    pub restore_command: String,
    pub delta: bool,
    pub force: bool,
    /// Whether `--force` was said; `force` may be switched off.
    pub forced: bool,
    /// Refuse a target that the archive cannot reach.
    pub target_check: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// The plan of a dry run as JSON.
    pub print_json: bool,
    /// Files whose pages were found invalid when they were backed up are an error, not a warning.
    pub page_error: bool,
    pub db_include: Vec<String>,
    pub db_exclude: Vec<String>,
    pub tablespace_map: Vec<(String, String)>,
    pub tablespace_map_all: Option<String>,
    pub link_map: Vec<(String, String)>,
    pub link_all: bool,
    pub spool_path: PathBuf,
    pub buffer_size: usize,
    pub version_force: Option<PgVersion>,
    pub pool: PoolSettings,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// A value that no rule of the configuration could check; a cluster on another host.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let host = pg_host::open(context, config.default_key(Group::Pg))?;
        let list = |option| config.list(option).unwrap_or_default().to_vec();
        let map = |option| config.map(option).unwrap_or_default().to_vec();
        let defaults = PoolSettings::default();
        Ok(Self {
            stanza: Stanza::new(context.stanza()?)?,
            data_dir: trimmed(host.path().as_os_str().to_owned().into_encoded_bytes()),
            set: (!config.source(option::SET, 0).is_default())
                .then(|| config.string(option::SET).map(str::to_owned))
                .flatten(),
            target: target(config)?,
            type_defaulted: config.source(option::TYPE, 0).is_default(),
            target_action: match config.string(option::TARGET_ACTION) {
                Some("promote") => TargetAction::Promote,
                Some("shutdown") => TargetAction::Shutdown,
                _ => TargetAction::Pause,
            },
            target_exclusive: config.boolean(option::TARGET_EXCLUSIVE),
            target_timeline: config.string(option::TARGET_TIMELINE).map(str::to_owned),
            recovery_options: map(option::RECOVERY_OPTION),
            archive_mode_off: config.string(option::ARCHIVE_MODE) == Some("off"),
            restore_command: restore_command(context)?,
            delta: config.boolean(option::DELTA),
            force: config.boolean(option::FORCE),
            forced: config.boolean(option::FORCE),
            target_check: config.boolean(option::TARGET_CHECK),
            dry_run: config.boolean(option::DRY_RUN),
            print_json: config.string(option::OUTPUT) == Some("json"),
            page_error: config.boolean(option::CHECKSUM_PAGE_ERROR),
            db_include: list(option::DB_INCLUDE),
            db_exclude: list(option::DB_EXCLUDE),
            tablespace_map: map(option::TABLESPACE_MAP),
            tablespace_map_all: config.string(option::TABLESPACE_MAP_ALL).map(str::to_owned),
            link_map: map(option::LINK_MAP),
            link_all: config.boolean(option::LINK_ALL),
            spool_path: PathBuf::from(
                config
                    .string(option::SPOOL_PATH)
                    .unwrap_or("/var/spool/pgbackrest"),
            ),
            buffer_size: config
                .size(option::BUFFER_SIZE)
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(1 << 20),
            version_force: cluster::forced_version(context)?,
            pool: PoolSettings {
                workers: number(config, option::PROCESS_MAX).unwrap_or(1) as usize,
                retry: number(config, option::JOB_RETRY).unwrap_or(defaults.retry),
                retry_interval: config
                    .time(option::JOB_RETRY_INTERVAL)
                    .unwrap_or(defaults.retry_interval),
                ..defaults
            },
        })
    }

    /// What decides about recovery settings of a cluster of this version.
    pub(super) fn recovery(&self, version: PgVersion) -> RecoverySettings {
        RecoverySettings {
            version,
            target: self.target.clone(),
            options: self.recovery_options.clone(),
            archive_mode_off: self.archive_mode_off,
            restore_command: self.restore_command.clone(),
            target_exclusive: self.target_exclusive,
            target_action: self.target_action,
            target_timeline: self.target_timeline.clone(),
        }
    }

    /// Whether the target may hold files that are not of the backup: they are removed.
    pub(super) fn cleans(&self) -> bool {
        self.delta || self.force
    }
}

fn target(config: &Config) -> Result<RecoveryTarget> {
    let kind = config.string(option::TYPE).unwrap_or("default");
    let value = || {
        config
            .string(option::TARGET)
            .map(str::to_owned)
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::OptionRequired,
                    "restore command requires option: target",
                )
            })
    };
    Ok(match kind {
        "immediate" => RecoveryTarget::Immediate,
        "name" => RecoveryTarget::Name(value()?),
        "xid" => RecoveryTarget::Xid(value()?),
        "time" => RecoveryTarget::Time(value()?),
        "lsn" => RecoveryTarget::Lsn(value()?),
        "standby" => RecoveryTarget::Standby,
        "preserve" => RecoveryTarget::Preserve,
        "none" => RecoveryTarget::None,
        _ => RecoveryTarget::Default,
    })
}

/// The command that the server fetches WAL with: this program, with what its own command line said. It goes through the
/// server's replacement of `%p` and the like, and then through a shell.
fn restore_command(context: &Context) -> Result<String> {
    let config = &context.config;
    let program = match config.string(option::CMD) {
        Some(said) if !config.source(option::CMD, 0).is_default() => {
            let path = StoragePath::from(said);
            let found = this_host::directory(Path::new("/")).info(&path, InfoLevel::Exists);
            let is_file = said.starts_with('/') && matches!(found, Ok(Some(_)));
            // What is not the path of a file is a command line that the user wrote for the shell and the server.
            match is_file {
                true => word(said),
                false => said.to_owned(),
            }
        }
        _ => {
            let path = context.program_path.to_str().ok_or_else(|| {
                let shown = context.program_path.display();
                Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("path of the program '{shown}' is not UTF-8"),
                )
                .with_hint("name a symbolic link to it with option cmd.")
            })?;
            word(path)
        }
    };
    let options = quote::command_text(&config.restore_command_options().join(" "));
    Ok(format!("{program} {options} archive-get %f \"%p\""))
}

/// A word of a command that the server expands and a shell then reads.
fn word(value: &str) -> String {
    quote::command_text(&shell_word(value))
}

fn number(config: &Config, option: &'static OptionDef) -> Option<u32> {
    config
        .integer(option)
        .and_then(|value| u32::try_from(value).ok())
}

fn trimmed(mut path: Vec<u8>) -> Vec<u8> {
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    path
}
