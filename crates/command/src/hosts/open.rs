//! Opens what a run works on: repositories and PostgreSQL hosts, from the configuration.
//!
//! The list of features that are not there yet stands here and nowhere else ([`refuse_unsupported`]): an option is
//! refused by name, and only when the command being run needs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_config::Config;
use pgkeep_config::command::CommandId;
use pgkeep_config::option;
use pgkeep_config::option::Group;
use pgkeep_storage::posix::{PosixSettings, PosixStorage};
use pgkeep_storage::{FileTree, Storage};
use secrecy::SecretString;

use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// One of repo1, repo2, …: its storage and the pass-phrase of its info files.
#[derive(Debug, Clone)]
pub struct Repository {
    pub key: u32,
    pub storage: Arc<dyn Storage>,
    /// Pass-phrase that encrypts `archive.info` and `backup.info`; `None`: not encrypted.
    pub pass: Option<SecretString>,
}

impl Repository {
    /// `repo1`
    #[must_use]
    pub fn name(&self) -> String {
        format!("repo{}", self.key)
    }

    /// `none` or `aes-256-cbc`.
    #[must_use]
    pub fn cipher_name(&self) -> &'static str {
        if self.pass.is_some() {
            "aes-256-cbc"
        } else {
            "none"
        }
    }
}

/// One of pg1, pg2, …: a cluster on this host.
#[derive(Debug, Clone)]
pub struct PgHost {
    pub key: u32,
    /// Data directory.
    pub path: PathBuf,
    /// The data directory as a storage.
    pub storage: Arc<PosixStorage>,
}

/// Opens the repository with this key.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`] for a kind of repository that is not there yet; a lower error when it cannot be opened.
pub fn repository(context: &Context, key: u32) -> Result<Repository> {
    let config = &context.config;
    refuse_unsupported_repository(config, key)?;
    let path = config
        .string_at(option::REPO_PATH, key)
        .unwrap_or("/var/lib/pgbackrest");
    let kind = config.string_at(option::REPO_TYPE, key).unwrap_or("posix");
    let symlinks = config
        .boolean_or_unset_at(option::REPO_SYMLINK, key)
        .unwrap_or(true);
    let storage: Arc<dyn Storage> = match kind {
        "sftp" => context.storages.sftp(
            key,
            crate::hosts::sftp::settings(context, key, path),
            &context.cancel,
        )?,
        _ => Arc::new(PosixStorage::new(PosixSettings {
            root: PathBuf::from(path),
            cifs: kind == "cifs",
            symlinks,
        })),
    };
    #[cfg(feature = "faulty")]
    let storage = crate::hosts::fault::around(storage);
    let pass = match config.string_at(option::REPO_CIPHER_TYPE, key) {
        None | Some("none") => None,
        Some(_) => config.secret_at(option::REPO_CIPHER_PASS, key).cloned(),
    };
    Ok(Repository { key, storage, pass })
}

/// Opens every configured repository, in key order; with `--repo` only that one.
///
/// # Errors
/// As [`repository`].
pub fn repositories(context: &Context) -> Result<Vec<Repository>> {
    repository_keys(&context.config)
        .into_iter()
        .map(|key| repository(context, key))
        .collect()
}

/// Keys of the repositories a command works on: the one named by `--repo`, else all.
#[must_use]
pub fn repository_keys(config: &Config) -> Vec<u32> {
    match config
        .integer(option::REPO)
        .and_then(|key| u32::try_from(key).ok())
    {
        Some(key) => vec![key],
        None => config.keys(Group::Repo).to_vec(),
    }
}

/// Key of the one repository a command works on: the one named by `--repo`, else the first.
#[must_use]
pub fn default_repository_key(config: &Config) -> u32 {
    repository_keys(config).first().copied().unwrap_or(1)
}

/// Opens the data directory with this key.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`] for a cluster on another host; [`ErrorCode::OptionRequired`] without a path.
pub fn pg_host(context: &Context, key: u32) -> Result<PgHost> {
    let config = &context.config;
    refuse_remote_pg(config, key)?;
    let path = config.string_at(option::PG_PATH, key).ok_or_else(|| {
        Error::new(
            ErrorCode::OptionRequired,
            format!(
                "{} command requires option: pg{key}-path",
                config.command().name()
            ),
        )
        .with_hint("does this stanza exist?")
    })?;
    Ok(PgHost {
        key,
        path: PathBuf::from(path),
        storage: Arc::new(PosixStorage::new(PosixSettings::at(path))),
    })
}

/// A directory of this host as a storage (lock path, spool path, link targets).
#[must_use]
pub fn local(path: &Path) -> Arc<PosixStorage> {
    Arc::new(PosixStorage::new(PosixSettings::at(path)))
}

/// As [`local`], for what a run changes and must not be left half done: the targets of a restore, and the spool. The suites
/// let it fail and die at every operation.
#[must_use]
pub fn tree(path: &Path) -> Arc<dyn FileTree> {
    let tree = local(path);
    #[cfg(feature = "faulty")]
    let tree = crate::hosts::fault::around_tree(tree);
    tree
}

/// Why nothing of format 6 is there.
const FORMAT_6: &str = "pgkeep reads and writes repositories of format 5; its authors mark format 6 as not for production";

/// What cannot be used yet, by option name, with the reason shown to the user. Shrinks to nothing.
pub const NOT_YET: &[(&str, &str)] = &[
    ("repo-host", "repositories on another host"),
    ("pg-host", "PostgreSQL on another host"),
    ("repo-type=s3", "S3 repositories"),
    ("repo-type=azure", "Azure repositories"),
    ("repo-type=gcs", "GCS repositories"),
    ("backup-standby", "backups from a standby"),
    (
        "repo-target-time",
        "reading a repository as it was at an earlier time",
    ),
    ("repo-format=6", FORMAT_6),
    ("repo-cipher-rotate", FORMAT_6),
];

/// The error for a feature that is not there yet.
///
/// # Panics
/// When `feature` is not in [`NOT_YET`]: the list is complete by construction.
#[must_use]
pub fn not_yet(feature: &str, shown: &str) -> Error {
    let (_, what) = NOT_YET
        .iter()
        .find(|(name, _)| *name == feature)
        .expect("every refused feature is listed");
    Error::new(ErrorCode::OptionInvalid, format!("option '{shown}' is not supported by pgkeep yet: {what}"))
        .with_hint("remove the option for this command, or run this command with pgBackRest: the repository is the same.")
}

fn refuse_unsupported_repository(config: &Config, key: u32) -> Result<()> {
    if config.string_at(option::REPO_HOST, key).is_some() {
        return Err(not_yet("repo-host", &format!("repo{key}-host")));
    }
    if config
        .integer_at(option::REPO_FORMAT, key)
        .is_some_and(|format| format > 5)
    {
        return Err(not_yet("repo-format=6", &format!("repo{key}-format=6")));
    }
    if config.is_set_at(option::REPO_CIPHER_ROTATE, key) {
        return Err(not_yet(
            "repo-cipher-rotate",
            &format!("repo{key}-cipher-rotate"),
        ));
    }
    let kind = config.string_at(option::REPO_TYPE, key).unwrap_or("posix");
    let feature = format!("repo-type={kind}");
    if NOT_YET.iter().any(|(name, _)| *name == feature) {
        return Err(not_yet(&feature, &format!("repo{key}-type={kind}")));
    }
    Ok(())
}

fn refuse_remote_pg(config: &Config, key: u32) -> Result<()> {
    match config.string_at(option::PG_HOST, key) {
        Some(_) => Err(not_yet("pg-host", &format!("pg{key}-host"))),
        None => Ok(()),
    }
}

/// The error for a command that is not there yet.
#[must_use]
pub fn command_not_yet(command: CommandId) -> Error {
    Error::new(
        ErrorCode::CommandInvalid,
        format!(
            "command '{}' is not supported by pgkeep yet",
            command.name()
        ),
    )
    .with_hint("run this command with pgBackRest: the repository is the same.")
}

/// The lock path of this run as a storage. Of commands that do not know the option: that of archive-push.
#[must_use]
pub fn lock_path(context: &Context) -> Arc<PosixStorage> {
    let config = &context.config;
    let path = match config.string(option::LOCK_PATH) {
        Some(path) => Some(path.to_owned()),
        None => config.said_to(CommandId::ArchivePush, option::LOCK_PATH),
    };
    local(Path::new(path.as_deref().unwrap_or("/tmp/pgbackrest")))
}

/// Fails when a stop file forbids this run.
///
/// # Errors
/// [`ErrorCode::Stop`].
pub fn test_stop_file(context: &Context) -> Result<()> {
    crate::locks::stop_file::test(&*lock_path(context), context.config.stanza())
}
