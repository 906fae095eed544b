//! Which keys of a repository on another host a run gets: none that it does not need.

use std::sync::Arc;

use pgkeep_config::command::CommandId;
use pgkeep_config::option;

use super::read::PlainInfo;
use super::storage::RemoteStorage;
use crate::error::Result;
use crate::hosts::rate_limits;
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
    let level = config.integer(option::COMPRESS_LEVEL_NETWORK).unwrap_or(1);
    let mut storage = RemoteStorage::new(link, shown.unwrap_or("/var/lib/pgbackrest"))
        .with_network_level(i32::try_from(level).unwrap_or(1))
        .with_push_limit(rate_limits::of_repository(context, key));
    let pass = match config.string_at(option::REPO_CIPHER_TYPE, key) {
        None | Some("none") => match config.command() {
            // Its WAL is encrypted on the other host.
            CommandId::ArchivePush => None,
            // They get the keys of the archive and of the sets that they ask for, which info files hold.
            CommandId::ArchiveGet
            | CommandId::Doctor
            | CommandId::Info
            | CommandId::Metrics
            | CommandId::Restore
            | CommandId::Serve => {
                if storage.answer()?.cipher != "none" {
                    storage = storage.with_plain_info(PlainInfo::WithKeys);
                }
                None
            }
            // Files of sets are unpacked and measured on the other host.
            CommandId::Verify => {
                if storage.answer()?.cipher != "none" {
                    storage = storage.with_plain_info(PlainInfo::WithoutSetKeys);
                }
                None
            }
            _ => storage.cipher_pass()?,
        },
        // As with pgBackRest this host's own passphrase counts, if it has one.
        Some(_) => config.secret_at(option::REPO_CIPHER_PASS, key).cloned(),
    };
    let storage = Arc::new(storage);
    Ok(Repository {
        key,
        storage: Arc::clone(&storage) as Arc<dyn pgkeep_storage::Storage>,
        pass,
        elsewhere: Some(storage),
    })
}
