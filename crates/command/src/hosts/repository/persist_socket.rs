//! Where commands find a connection to an SFTP repository or a repository host that a process keeps for them
//! (`repo-sftp-persist`, `repo-host-persist`).
//!
//! Only archiving one segment at a time has use for it. Making and using the connection is not here.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::command::{CommandId, Role};
use pgkeep_config::option;
use pgkeep_storage::sftp::{HostKeyCheck, SftpSettings};

use crate::locks;
use crate::run::context::Context;

/// Where the option is not known, because the program was started as `pgbackrest`.
const DEFAULT: Duration = Duration::from_secs(10);
/// Longest name of a socket in Linux.
const NAME_MAX: usize = 107;

/// How long a connection persists that nobody uses.
#[must_use]
pub fn time(context: &Context, key: u32) -> Duration {
    let option = match context.config.string_at(option::REPO_HOST, key) {
        Some(_) => option::REPO_HOST_PERSIST,
        None => option::REPO_SFTP_PERSIST,
    };
    context.config.time_at(option, key).unwrap_or(DEFAULT)
}

/// Where a connection to this SFTP repository may persist; `None` where none ever does.
#[must_use]
pub fn of(context: &Context, key: u32, settings: &SftpSettings) -> Option<PathBuf> {
    // The warning that goes with it belongs to each command.
    if settings.host_key_check == HostKeyCheck::None {
        return None;
    }
    // Secrets are not in the text.
    path(context, key, &format!("{settings:?}"))
}

/// The same for the host of a repository that is reached in this way.
#[must_use]
pub fn of_host(context: &Context, key: u32, way: &str) -> Option<PathBuf> {
    path(context, key, way)
}

fn path(context: &Context, key: u32, way: &str) -> Option<PathBuf> {
    let config = &context.config;
    let archiving = matches!(
        config.command(),
        CommandId::ArchiveGet | CommandId::ArchivePush
    );
    let one = matches!(config.role(), Role::Main | Role::Local);
    if !archiving || !one || config.boolean(option::ARCHIVE_ASYNC) || time(context, key).is_zero() {
        return None;
    }
    // With other settings it is another connection.
    let mut hash = DefaultHasher::new();
    way.hash(&mut hash);
    let name = format!(
        "{}-persist-{key}-{:016x}.sock",
        config.stanza()?,
        hash.finish()
    );
    let path = locks::path(context).join(name);
    (path.as_os_str().len() <= NAME_MAX).then_some(path)
}
