//! Where lock files and stop files are.

use std::path::PathBuf;

use pgkeep_config::command::CommandId;
use pgkeep_config::option;

use crate::run::context::Context;

/// The lock path of this run. Of commands that do not know the option it is that of archive-push.
#[must_use]
pub fn path(context: &Context) -> PathBuf {
    let config = &context.config;
    let path = match config.string(option::LOCK_PATH) {
        Some(path) => Some(path.to_owned()),
        None => config.said_to(CommandId::ArchivePush, option::LOCK_PATH),
    };
    PathBuf::from(path.as_deref().unwrap_or("/tmp/pgbackrest"))
}
