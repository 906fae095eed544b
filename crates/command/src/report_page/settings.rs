//! The options of `report`. The only file of this command that names options.

use std::path::PathBuf;

use pgkeep_config::{Config, option};

use crate::hosts::output_file::OutputFile;
use crate::run::Context;
use crate::stanzas::{RepositoryReport, Status};

/// Where the page goes.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Standard output without.
    pub(super) file: Option<OutputFile>,
}

/// Where the facts of a stanza are.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Where `verify` leaves word.
    pub(super) spool_path: PathBuf,
    /// Where the history of drills is.
    pub(super) log_path: PathBuf,
}

impl Settings {
    pub(super) fn from(context: &Context) -> Self {
        // That it ends in a name is checked with the option.
        let file = context.config.string(option::REPORT_FILE);
        Self {
            file: file.map(OutputFile::at),
        }
    }
}

impl Places {
    pub(super) fn of(config: &Config) -> Self {
        let path = |option, default: &str| PathBuf::from(config.string(option).unwrap_or(default));
        Self {
            spool_path: path(option::SPOOL_PATH, "/var/spool/pgbackrest"),
            log_path: path(option::LOG_PATH, "/var/log/pgbackrest"),
        }
    }
}

/// Whether doctor is to be asked; by default it is.
pub(super) fn asks_doctor(config: &Config) -> bool {
    config
        .boolean_or_unset(option::REPORT_DOCTOR)
        .unwrap_or(true)
}

/// Whether it is known how the repository is encrypted. On another host its own configuration says so.
pub(super) fn knows_cipher(config: &Config, report: &RepositoryReport) -> bool {
    let silent = matches!(report.status, Status::Other(_));
    !silent || config.string_at(option::REPO_HOST, report.key).is_none()
}

/// Where a repository is: `posix /var/lib/pgbackrest`, `s3 bucket:/path`, `posix on host1`.
pub(super) fn place(config: &Config, key: u32) -> String {
    let text = |option| config.string_at(option, key);
    let kind = text(option::REPO_TYPE).unwrap_or("posix");
    let path = text(option::REPO_PATH).unwrap_or("/var/lib/pgbackrest");
    if let Some(host) = text(option::REPO_HOST) {
        return format!("on host {host}");
    }
    let within = match kind {
        "s3" => text(option::REPO_S3_BUCKET),
        "azure" => text(option::REPO_AZURE_CONTAINER),
        "gcs" => text(option::REPO_GCS_BUCKET),
        "sftp" => text(option::REPO_SFTP_HOST),
        _ => None,
    };
    match within {
        Some(within) => format!("{kind} {within}:{path}"),
        None => format!("{kind} {path}"),
    }
}
