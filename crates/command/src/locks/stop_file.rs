//! Stop files: `stop` makes one, and commands that change a repository refuse to run while it is there.
//!
//! `<lock-path>/<stanza>.stop` stops one stanza, `<lock-path>/all.stop` every one. Both programs keep the same files,
//! so either stops the other.

use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::report::advice;
use crate::run::context::Context;

/// Name of the stop file: of one stanza, or of all.
#[must_use]
pub fn path(stanza: Option<&str>) -> StoragePath {
    StoragePath::new(format!("{}.stop", stanza.unwrap_or("all")))
}

/// Fails when a stop file forbids this run.
///
/// # Errors
/// [`ErrorCode::Stop`].
pub fn check(context: &Context) -> Result<()> {
    let lock_path = this_host::directory(&super::path::path(context));
    test(&*lock_path, context.config.stanza())
}

/// Fails when a stop file for `stanza` or for all stanzas exists below the lock path.
///
/// # Errors
/// [`ErrorCode::Stop`].
pub fn test(lock_path: &dyn Storage, stanza: Option<&str>) -> Result<()> {
    let exists =
        |path: StoragePath| Ok::<_, Error>(lock_path.info(&path, InfoLevel::Exists)?.is_some());
    if let Some(stanza) = stanza
        && exists(path(Some(stanza)))?
    {
        return Err(Error::new(
            ErrorCode::Stop,
            format!("stop file exists for stanza {stanza}"),
        )
        .with_hint(format!(
            "it was stopped on purpose; to go on: {}",
            advice::pgkeep(stanza, "start")
        )));
    }
    if exists(path(None))? {
        return Err(
            Error::new(ErrorCode::Stop, "stop file exists for all stanzas")
                .with_hint("they were stopped on purpose; to go on: pgkeep start"),
        );
    }
    Ok(())
}
