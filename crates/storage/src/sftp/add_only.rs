//! An account that may only add files, so that whoever takes it over destroys nothing.
//!
//! The server refuses it to remove, rename and set attributes. So a file is written under a temporary name that is not writable
//! from the beginning, and gets its name by a hard link, which replaces nothing. The temporary name stays. Here is what the
//! other parts of this storage ask about it.

use std::sync::Arc;

use super::engine::channel::Channel;
use super::engine::pool::Pool;
use super::place::Place;
use super::protocol::message::Response;
use super::protocol::status::Status;
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
    Err(unusable(operation, &place.text(), reason))
}

/// What a server must answer when a file is to be linked to a name that is taken: its own, so nothing can be harmed.
/// `Err`: why files cannot be published there.
pub(crate) fn judge_link(object: &str, taken: &Response) -> Result<()> {
    let reason = match taken {
        Response::Ok => {
            "the server does not refuse to link a file to a name that is taken, so nothing protects the file that has it"
        }
        Response::Status(Status {
            code: Status::NO_SUCH_FILE,
            ..
        }) => "a hard link removes a file that has the name, so nothing protects it",
        Response::Status(Status {
            code: Status::UNSUPPORTED,
            ..
        }) => "the server announces hardlink@openssh.com and makes no hard links",
        _ => return Ok(()),
    };
    Err(unusable(Operation::HardLink, object, reason))
}

/// The server has not refused what it must refuse to an account that may only add.
pub(crate) fn not_protected(object: &str, may: &[&str]) -> Error {
    let reason = format!(
        "the server lets this account {} files, so whoever has its key can destroy what is finished",
        may.join(", ")
    );
    Error::new(ErrorKind::Unsupported, Operation::Write, object, reason)
        .with_hint(
            "have the server refuse it: 'pgkeep --append-only sftp-setup' makes a script for that, and sftp-audit tells all that the account may do",
        )
        .with_hint("or use the account as one that may rename and remove, which protects nothing")
}

fn unusable(operation: Operation, object: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Unsupported, operation, object, reason).with_hint(
        "use OpenSSH's SFTP server, or an account that may rename and remove; sftp-probe tells what a server has",
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
