//! The options of the set-up: those of the repository, and its own.

use std::path::PathBuf;

use pgkeep_config::option;
use pgkeep_config::option::Group;
use pgkeep_storage::sftp::SftpSettings;

use super::keeper::Keeper;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::run::Context;

/// Typed options of `sftp-setup`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Key of the repository.
    pub(super) key: u32,
    /// Host, port, user, path, known hosts, passphrase.
    pub(super) storage: SftpSettings,
    pub(super) private_key_file: PathBuf,
    pub(super) fingerprints: Vec<String>,
    /// Directory on the SFTP host.
    pub(super) chroot: String,
    pub(super) group: String,
    pub(super) from: Vec<String>,
    /// The second account, where this host may only add files.
    pub(super) keeper: Option<Keeper>,
    /// Where the script goes; without it to standard output.
    pub(super) script: Option<PathBuf>,
    /// The known hosts file that the configuration names, if it does.
    pub(super) own_known_hosts: Option<PathBuf>,
}

impl Settings {
    /// # Errors
    /// [`ErrorCode::OptionRequired`] without host or user; [`ErrorCode::OptionInvalid`] for a repository of another kind.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let key = repository(context)?;
        let name = |what: &str| format!("repo{key}-{what}");
        if config.string_at(option::REPO_TYPE, key) != Some("sftp") {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                format!("{} is not a repository on an SFTP host", name("type")),
            )
            .with_hint("choose the repository with --repo."));
        }
        for (option, what) in [
            (option::REPO_SFTP_HOST, "sftp-host"),
            (option::REPO_SFTP_HOST_USER, "sftp-host-user"),
        ] {
            if config.string_at(option, key).is_none() {
                return Err(required(&name(what)));
            }
        }
        let storage = repository::sftp::settings(context, key);
        let private_key_file = match (&storage.private_key_file, storage.home_dir()) {
            (Some(file), _) => file.clone(),
            (None, Some(home)) => home.join(".ssh/id_ed25519_sftp"),
            (None, None) => return Err(required(&name("sftp-private-key-file"))),
        };
        let list = |option| {
            config
                .list(option)
                .map(<[String]>::to_vec)
                .unwrap_or_default()
        };
        let text = |option| config.string(option).map(str::to_owned);
        Ok(Self {
            key,
            private_key_file,
            fingerprints: list(option::FINGERPRINT),
            chroot: text(option::SFTP_CHROOT)
                .unwrap_or_else(|| format!("/srv/sftp/{}", storage.user)),
            group: text(option::SFTP_GROUP).unwrap_or_else(|| storage.user.clone()),
            from: list(option::SFTP_FROM),
            keeper: Keeper::from(config, key, &storage.user)?,
            script: config.string(option::SFTP_SCRIPT).map(PathBuf::from),
            own_known_hosts: storage
                .known_hosts
                .as_ref()
                .and_then(|files| files.first().cloned()),
            storage,
        })
    }
}

/// The repository named by `--repo`, else the only one that has an SFTP host.
fn repository(context: &Context) -> Result<u32> {
    let config = &context.config;
    if let Some(key) = config.integer(option::REPO) {
        return Ok(u32::try_from(key).unwrap_or(1));
    }
    let keys: Vec<u32> = config
        .keys(Group::Repo)
        .iter()
        .copied()
        .filter(|key| config.string_at(option::REPO_SFTP_HOST, *key).is_some())
        .collect();
    match keys[..] {
        [key] => Ok(key),
        [] => Err(required("repo1-sftp-host")),
        _ => Err(required("repo").with_hint("several repositories are on SFTP hosts.")),
    }
}

fn required(name: &str) -> Error {
    Error::new(
        ErrorCode::OptionRequired,
        format!("sftp-setup command requires option: {name}"),
    )
}
