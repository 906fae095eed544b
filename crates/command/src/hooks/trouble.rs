//! Whether archiving is in trouble, as far as it was told: a file in the lock path is there while it is.
//!
//! It is made and removed by one call each, of which one process alone succeeds, so what two see at once is told once. It is empty,
//! because a full disk may be the trouble. What breaks archiving can break the way of the message too: where the hook that tells of
//! the beginning fails, another file says when that was, and a later push tries again.

use pgkeep_storage::{
    ErrorKind, InfoLevel, Removed, Storage, StoragePath, WriteMode, WriteOptions,
};

use crate::error::Result;
use crate::hosts::this_host;
use crate::locks;
use crate::run::Context;

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Begins,
    /// It began then, seconds since 1970.
    Ends {
        since: i64,
    },
}

/// Seconds until a hook that failed is tried again.
const AGAIN: i64 = 600;

/// Nobody was told that trouble began, because the hook failed.
///
/// # Errors
/// That cannot be noted: then it counts as told.
pub(super) fn was_not_told(context: &Context) -> Result<()> {
    let storage = this_host::directory(&locks::path(context));
    let (name, untold) = names(context)?;
    // First the one that keeps others from trying at once.
    let file = storage.open_write(&untold, &options(true))?;
    file.finish()?.wait()?;
    storage.remove(&name)?;
    Ok(())
}

fn names(context: &Context) -> Result<(StoragePath, StoragePath)> {
    let stanza = context.stanza()?;
    let name = |kind: &str| StoragePath::from(format!("{stanza}-archive.{kind}").as_str());
    Ok((name("trouble"), name("untold")))
}

fn options(truncate: bool) -> WriteOptions {
    WriteOptions {
        mode: WriteMode::InPlace,
        path_mode: 0o770,
        truncate,
        sync: false,
        ..WriteOptions::default()
    }
}

/// Notes how a push ended. `None`: it is told already.
///
/// # Errors
/// The note can be neither made nor removed.
pub(super) fn told_of(context: &Context, failed: bool) -> Result<Option<Turn>> {
    let storage = this_host::directory(&locks::path(context));
    let (name, untold) = names(context)?;
    let found = storage.info(&name, InfoLevel::Basic)?;
    match (failed, found) {
        (true, Some(_)) => Ok(None),
        (false, None) => {
            // Nobody was told that it began.
            storage.remove(&untold)?;
            Ok(None)
        }
        (true, None) => {
            let tried = storage.info(&untold, InfoLevel::Basic)?;
            let since = tried.map(|tried| context.clock.seconds() - tried.modified);
            if since.is_some_and(|since| (0..AGAIN).contains(&since)) {
                return Ok(None);
            }
            match storage.open_write(&name, &options(false)) {
                Ok(file) => {
                    file.finish()?.wait()?;
                    Ok(Some(Turn::Begins))
                }
                Err(error) if error.kind == ErrorKind::Exists => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        (false, Some(found)) => Ok(match storage.remove(&name)? {
            Removed::Removed => Some(Turn::Ends {
                since: found.modified,
            }),
            Removed::Missing => None,
        }),
    }
}
