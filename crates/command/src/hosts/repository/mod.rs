//! The repositories of a run: which storage each of them has is chosen here.
//!
//! The options of each kind become settings in a file of its own; [`pgkeep_storage::open`] opens a storage from settings.
//! What is behind a network stays open for the run, see [`super::storages`].

pub mod append_only;
mod azure;
mod bucket;
mod gcs;
mod keys;
pub mod measured;
mod open_repository;
mod overruling;
pub mod persist_socket;
mod posix;
pub mod remote;
mod s3;
pub mod sftp;
mod target_time;

use pgkeep_config::option;
use pgkeep_storage::http::HttpSettings;
use pgkeep_storage::open::StorageSettings;

pub use keys::{default_key, keys};
pub use open_repository::Repository;
pub use overruling::overruling;

use super::rate_limits;
use crate::error::Result;
use crate::remote::connect;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;
use crate::run::not_yet;

/// Opens the repository with this key.
///
/// # Errors
/// [`crate::error::ErrorCode::OptionInvalid`] for a kind of repository that is not there yet; a lower error when it cannot be opened.
pub fn open(context: &Context, key: u32) -> Result<Repository> {
    refuse(context, key)?;
    match context.unanswered.of(&context.config, key) {
        Some(error) => Err(error),
        None => noted(context, key, open_now(context, key)),
    }
}

/// The result of asking a repository; where it could not be reached, that is known from now on.
///
/// # Errors
/// Those of `result`.
pub(crate) fn noted<T>(context: &Context, key: u32, result: Result<T>) -> Result<T> {
    if let Err(error) = &result {
        context.unanswered.note(&context.config, key, error);
    }
    result
}

fn open_now(context: &Context, key: u32) -> Result<Repository> {
    let config = &context.config;
    if let Some(host) = connect::host(config, Side::Repo, key) {
        let link = context.links.get(Side::Repo, key, config.stanza(), || {
            connect::link(context, Side::Repo, key, host)
        })?;
        let repository = remote::open(context, key, link)?;
        let repository = Repository {
            storage: rate_limits::around(context, key, repository.storage),
            ..repository
        };
        #[cfg(feature = "faulty")]
        let repository = Repository {
            storage: super::fault::around(repository.storage),
            ..repository
        };
        return Ok(repository);
    }
    let storage = context
        .storages
        .open(key, settings(context, key)?, &context.cancel)?;
    let storage = rate_limits::around(context, key, storage);
    #[cfg(feature = "faulty")]
    let storage = super::fault::around(storage);
    let pass = match config.string_at(option::REPO_CIPHER_TYPE, key) {
        None | Some("none") => None,
        Some(_) => config.secret_at(option::REPO_CIPHER_PASS, key).cloned(),
    };
    Ok(Repository {
        key,
        storage,
        pass,
        elsewhere: None,
    })
}

/// Refuses a repository that is not there yet, or that cannot be seen as it was at the time that is asked for.
///
/// # Errors
/// [`crate::error::ErrorCode::OptionInvalid`].
pub(crate) fn refuse(context: &Context, key: u32) -> Result<()> {
    not_yet::refuse_repository(&context.config, key)?;
    append_only::refuse(&context.config, key)?;
    target_time::refuse(&context.config, key)
}

/// The settings of its storage, by `repo-type`.
fn settings(context: &Context, key: u32) -> Result<StorageSettings> {
    let config = &context.config;
    Ok(match config.string_at(option::REPO_TYPE, key) {
        Some("sftp") => {
            let mut settings = sftp::settings(context, key);
            settings.persist_socket = persist_socket::of(context, key, &settings);
            StorageSettings::Sftp(Box::new(settings))
        }
        Some("azure") => StorageSettings::Azure(Box::new(azure::settings(context, key)?)),
        Some("gcs") => StorageSettings::Gcs(Box::new(gcs::settings(context, key)?)),
        Some("s3") => StorageSettings::S3(Box::new(s3::settings(context, key)?)),
        kind => StorageSettings::Posix(posix::settings(config, key, kind == Some("cifs"))),
    })
}

/// How the server of an object store is reached; `None` for other types, and where the settings make no storage.
#[must_use]
pub(crate) fn http(context: &Context, key: u32) -> Option<HttpSettings> {
    match settings(context, key).ok()? {
        StorageSettings::S3(settings) => Some(settings.http),
        StorageSettings::Azure(settings) => Some(settings.http),
        StorageSettings::Gcs(settings) => Some(settings.http),
        _ => None,
    }
}

/// Opens every configured repository, in key order; with `--repo` only that one.
///
/// # Errors
/// As [`open`].
pub fn open_all(context: &Context) -> Result<Vec<Repository>> {
    keys(&context.config)
        .into_iter()
        .map(|key| open(context, key))
        .collect()
}
