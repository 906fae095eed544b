//! The options of `doctor`. The only file of this command that names options.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::option::{self, Group, OPTIONS};
use pgkeep_config::{Config, Source};
use pgkeep_storage::sftp::SftpSettings;
use secrecy::SecretString;

use super::bucket::{Bucket, Store};
use crate::hosts::repository;
use crate::locks;
use crate::run::Context;

const DAY: u64 = 86_400;

/// Typed options of `doctor`, for one stanza or for none.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) json: bool,
    /// Rows that are in order are shown, too.
    pub(super) verbose: bool,
    pub(super) backup_age: Duration,
    pub(super) full_age: Duration,
    /// `None`: no log files are written.
    pub(super) log_path: Option<String>,
    pub(super) lock_path: String,
    /// `None`: archiving is not asynchronous.
    pub(super) spool_path: Option<String>,
    /// Files that secrets came from.
    pub(super) secret_files: BTreeSet<PathBuf>,
    pub(super) archive_mode_check: bool,
    /// The name by which `archive_command` is to call the program.
    pub(super) archiving_program: &'static str,
    pub(super) repositories: Vec<RepoSettings>,
    pub(super) clusters: Vec<u32>,
}

/// What is set for one repository.
#[derive(Debug, Clone)]
pub(super) struct RepoSettings {
    pub(super) key: u32,
    pub(super) kind: String,
    /// The other host that has it.
    pub(super) host: Option<String>,
    /// Options that are set here and say where and how that host stores, by name.
    pub(super) overruling: Vec<String>,
    pub(super) path: String,
    /// Pass-phrase of the info files; `None`: not encrypted.
    pub(super) pass: Option<SecretString>,
    pub(super) encrypted: bool,
    pub(super) retention_full: Option<u64>,
    pub(super) retention_by_time: bool,
    /// Options that are set and keep backups of some days, weeks, months or years, by name.
    pub(super) generations: Vec<String>,
    pub(super) sftp: Option<SftpSettings>,
    /// Of an object store.
    pub(super) bucket: Option<Bucket>,
}

impl RepoSettings {
    /// `repo1-retention-full`
    pub(super) fn option(&self, rest: &str) -> String {
        format!("repo{}-{rest}", self.key)
    }

    /// The command that looks again.
    pub(super) fn again(&self) -> String {
        format!("pgkeep --repo={} doctor", self.key)
    }

    /// Whether both are the same place, so that looking once is enough.
    pub(super) fn same_place(&self, other: &Self) -> bool {
        let host = |settings: &Self| {
            let sftp = settings.sftp.as_ref();
            sftp.map(|sftp| (sftp.address(), sftp.user.clone()))
        };
        let bucket = |settings: &Self| {
            let bucket = settings.bucket.as_ref()?;
            let server = bucket.http.as_ref().map(|http| http.server.clone());
            Some((bucket.name.clone(), server))
        };
        (self.key, &self.kind, &self.path) == (other.key, &other.kind, &other.path)
            && host(self) == host(other)
            && bucket(self) == bucket(other)
    }
}

impl Settings {
    pub(super) fn from(context: &Context) -> Self {
        let config = &*context.config;
        let text = |option| config.string(option).map(str::to_owned);
        let days = |option, days| {
            config
                .time(option)
                .unwrap_or(Duration::from_secs(days * DAY))
        };
        let logs = config.string(option::LOG_LEVEL_FILE) != Some("off");
        Self {
            json: config.string(option::OUTPUT) == Some("json"),
            archiving_program: repository::append_only::archiving_program(config),
            verbose: config.boolean(option::VERBOSE),
            backup_age: days(option::BACKUP_AGE_MAX, 2),
            full_age: days(option::FULL_AGE_MAX, 35),
            log_path: text(option::LOG_PATH).filter(|_| logs),
            lock_path: locks::path(context).display().to_string(),
            spool_path: text(option::SPOOL_PATH).filter(|_| config.boolean(option::ARCHIVE_ASYNC)),
            secret_files: secret_files(config),
            archive_mode_check: config.boolean(option::ARCHIVE_MODE_CHECK),
            repositories: repository::keys(config)
                .into_iter()
                // Without a configuration the default place says nothing.
                .filter(|_| !config.is_unconfigured())
                .map(|key| repository(context, key))
                .collect(),
            clusters: if config.stanza().is_some() {
                config.keys(Group::Pg).to_vec()
            } else {
                Vec::new()
            },
        }
    }
}

/// What is set for one repository.
pub(super) fn repository(context: &Context, key: u32) -> RepoSettings {
    let config = &*context.config;
    let text = |option, default: &str| config.string_at(option, key).unwrap_or(default).to_owned();
    let kind = text(option::REPO_TYPE, "posix");
    let path = text(option::REPO_PATH, "/var/lib/pgbackrest");
    let encrypted = text(option::REPO_CIPHER_TYPE, "none") != "none";
    RepoSettings {
        key,
        host: config.string_at(option::REPO_HOST, key).map(str::to_owned),
        overruling: repository::overruling(config, key),
        sftp: (kind == "sftp").then(|| repository::sftp::settings(context, key)),
        bucket: bucket(context, key, &kind),
        pass: config
            .secret_at(option::REPO_CIPHER_PASS, key)
            .filter(|_| encrypted)
            .cloned(),
        encrypted,
        retention_full: config
            .integer_at(option::REPO_RETENTION_FULL, key)
            .and_then(|number| u64::try_from(number).ok()),
        retention_by_time: config.string_at(option::REPO_RETENTION_FULL_TYPE, key) == Some("time"),
        generations: generations(config, key),
        kind,
        path,
    }
}

fn generations(config: &Config, key: u32) -> Vec<String> {
    [
        option::REPO_RETENTION_DAILY,
        option::REPO_RETENTION_WEEKLY,
        option::REPO_RETENTION_MONTHLY,
        option::REPO_RETENTION_YEARLY,
    ]
    .into_iter()
    .filter(|option| config.integer_at(option, key).is_some_and(|kept| kept > 0))
    .map(|option| option.name.replacen("repo-", &format!("repo{key}-"), 1))
    .collect()
}

fn bucket(context: &Context, key: u32, kind: &str) -> Option<Bucket> {
    let config = &*context.config;
    let (store, name) = match kind {
        "s3" => (Store::S3, option::REPO_S3_BUCKET),
        "azure" => (Store::Azure, option::REPO_AZURE_CONTAINER),
        "gcs" => (Store::Gcs, option::REPO_GCS_BUCKET),
        _ => return None,
    };
    let is_set = |option| config.string_at(option, key).is_some();
    Some(Bucket {
        store,
        name: config.string_at(name, key).unwrap_or_default().to_owned(),
        http: repository::http(context, key),
        tags: config
            .map_at(option::REPO_STORAGE_TAG, key)
            .is_some_and(|tags| !tags.is_empty()),
        kms: store == Store::S3 && is_set(option::REPO_S3_KMS_KEY_ID),
        lock: is_set(option::REPO_STORAGE_LOCK),
    })
}

fn secret_files(config: &Config) -> BTreeSet<PathBuf> {
    let keys = config.keys(Group::Repo).iter().copied();
    let secrets = OPTIONS.iter().copied().filter(|option| option.secure);
    secrets
        .flat_map(|option| keys.clone().map(move |key| config.source(option, key)))
        .filter_map(|source| match source {
            Source::File { path, .. } => Some(PathBuf::from(&*path)),
            _ => None,
        })
        .collect()
}
