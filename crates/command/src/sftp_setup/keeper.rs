//! The second account of a repository to which this host may only add.
//!
//! Invariant: its private key is not on this host. Whoever takes this host over would have both otherwise.

use std::path::{Path, PathBuf};

use pgkeep_config::{Config, option};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::sftp::setup::{self, GivenKey};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::append_only;

/// The requests of SFTP that change or remove what is there. What is left: reading, adding, and links to names that are free.
pub(super) const DENIED: &str =
    "remove,rmdir,rename,posix-rename,setstat,fsetstat,lsetstat,symlink";

/// Who keeps the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keeper {
    pub(super) user: String,
    /// Addresses that may use the key; none: any.
    pub(super) from: Vec<String>,
    /// Without it nobody can log in as this account.
    pub(super) key: Option<GivenKey>,
}

impl Keeper {
    /// The second account, if this host may only add. `user`: the account of this host.
    ///
    /// # Errors
    /// [`ErrorCode::OptionInvalid`] for its options without `append-only`; [`ErrorCode::OptionInvalidValue`] for a key file
    /// beside which its private key lies, or the name of this host's account; a key file that cannot be used.
    pub(super) fn from(config: &Config, key: u32, user: &str) -> Result<Option<Self>> {
        let file = config.string(option::SFTP_KEEPER_KEY).map(PathBuf::from);
        let from = config.list(option::SFTP_KEEPER_FROM);
        let named = config.string(option::SFTP_KEEPER_USER);
        if !config.boolean(option::APPEND_ONLY) && !append_only::is_set(config, key) {
            let given = [
                (file.is_some(), option::SFTP_KEEPER_KEY),
                (from.is_some(), option::SFTP_KEEPER_FROM),
                (named.is_some(), option::SFTP_KEEPER_USER),
            ];
            return match given.iter().find(|(is_given, _)| *is_given) {
                None => Ok(None),
                Some((_, option)) => Err(Error::new(
                    ErrorCode::OptionInvalid,
                    format!(
                        "option '{}' not valid without option 'append-only'",
                        option.name
                    ),
                )),
            };
        }
        let name = named.map_or_else(|| format!("{user}-keeper"), str::to_owned);
        if name == user {
            return Err(invalid(
                option::SFTP_KEEPER_USER.name,
                &name,
                "the account of this host has this name: choose another one",
            ));
        }
        Ok(Some(Self {
            user: name,
            from: from.map(<[String]>::to_vec).unwrap_or_default(),
            key: file.as_deref().map(given_key).transpose()?,
        }))
    }
}

fn given_key(file: &Path) -> Result<GivenKey> {
    let key = setup::given_key(file)?;
    let private = file.with_extension("");
    let is_pub = file.extension().is_some_and(|end| end == "pub");
    if is_pub && exists(&private)? {
        return Err(invalid(
            option::SFTP_KEEPER_KEY.name,
            &file.display().to_string(),
            &format!(
                "its private key '{}' is on this host: whoever takes this host over could remove the backups. Make the key on \
                 the host that keeps the repository, and bring only the public key here",
                private.display()
            ),
        ));
    }
    Ok(key)
}

fn exists(file: &Path) -> Result<bool> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name().and_then(|n| n.to_str()))
    else {
        return Ok(false);
    };
    let found = PosixStorage::at(directory).info(&StoragePath::new(name), InfoLevel::Exists)?;
    Ok(found.is_some())
}

fn invalid(option: &str, value: &str, why: &str) -> Error {
    Error::new(
        ErrorCode::OptionInvalidValue,
        format!("'{value}' is not allowed for '{option}' option"),
    )
    .with_hint(format!("{why}."))
}
