//! An account that may only add files, so that whoever takes it over destroys nothing.
//!
//! The server refuses it to remove, rename and set attributes. So a file is written under a temporary name that is not writable
//! from the beginning, and gets its name by a hard link, which replaces nothing. The temporary name stays. Here is what the
//! other parts of this storage ask about it.

use std::sync::Arc;

use super::engine::channel::Channel;
use super::engine::pool::Pool;
use super::place::Place;
use crate::{Error, ErrorKind, Operation, Result, WriteOptions};

/// The owner and the group may read: nobody, the account itself included, may write.
const MODE: u32 = 0o440;

/// Nothing can be set later, and a file that could be opened to write could be changed.
pub(crate) fn adapted(options: WriteOptions) -> WriteOptions {
    WriteOptions {
        file_mode: options.file_mode & MODE,
        modified: None,
        owner: None,
        ..options
    }
}

/// Whether a file with these options cannot be opened again to write.
pub(crate) fn is_closed(options: &WriteOptions) -> bool {
    options.file_mode & 0o200 == 0
}

/// Whether the server can publish without renaming, where that is needed. To be asked before anything is written.
pub(crate) fn check(
    pool: &Pool,
    channel: &Arc<Channel>,
    operation: Operation,
    place: &Place,
) -> Result<()> {
    if !pool.settings.append_only || channel.server().hard_link {
        return Ok(());
    }
    let reason = "the server has no hardlink@openssh.com, which is how an account that may only add files publishes them";
    Err(
        Error::new(ErrorKind::Unsupported, operation, place.text(), reason).with_hint(
            "use OpenSSH's SFTP server, or an account that may rename and remove; sftp-probe tells what a server has",
        ),
    )
}

/// Refuses to remove, before the server has to.
pub(crate) fn refuse_to_remove(pool: &Pool, operation: Operation, place: &Place) -> Result<()> {
    if !pool.settings.append_only {
        return Ok(());
    }
    let reason = "nothing can be removed through an account that may only add files";
    Err(
        Error::new(ErrorKind::Unsupported, operation, place.text(), reason)
            .with_hint("remove it with the configuration of the account that keeps the repository"),
    )
}
