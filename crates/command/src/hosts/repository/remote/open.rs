//! Which keys of a repository on another host a run gets: none that it does not need.

use std::sync::Arc;

use pgkeep_config::command::CommandId;
use pgkeep_config::option;

use super::storage::RemoteStorage;
use crate::error::Result;
use crate::hosts::repository::Repository;
use crate::remote::link::Link;
use crate::run::context::Context;

/// The repository with this key behind `link`.
///
/// # Errors
/// The host cannot be reached, or does not tell a passphrase that is needed.
pub fn open(context: &Context, key: u32, link: Arc<Link>) -> Result<Repository> {
    let config = &context.config;
    let shown = config.string_at(option::REPO_PATH, key);
    let storage = Arc::new(RemoteStorage::new(
        link,
        shown.unwrap_or("/var/lib/pgbackrest"),
    ));
    let own = match config.string_at(option::REPO_CIPHER_TYPE, key) {
        None | Some("none") => None,
        Some(_) => config.secret_at(option::REPO_CIPHER_PASS, key).cloned(),
    };
    // A push has its WAL encrypted on the other host.
    let pass = match own {
        None if config.command() != CommandId::ArchivePush => storage.cipher_pass()?,
        own => own,
    };
    Ok(Repository {
        key,
        storage: Arc::clone(&storage) as Arc<dyn pgkeep_storage::Storage>,
        pass,
        elsewhere: Some(storage),
    })
}
