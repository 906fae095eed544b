//! Whether archiving is in trouble, as far as it was told: a file in the lock path is there while it is.
//!
//! It is made and removed by one call each, of which one process alone succeeds, so what two see at once is told once. It is empty,
//! because a full disk may be the trouble.

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

/// Notes how a push ended. `None`: it is told already.
///
/// # Errors
/// The note can be neither made nor removed.
pub(super) fn told_of(context: &Context, failed: bool) -> Result<Option<Turn>> {
    let storage = this_host::directory(&locks::path(context));
    let name = format!("{}-archive.trouble", context.stanza()?);
    let name = StoragePath::from(name.as_str());
    let found = storage.info(&name, InfoLevel::Basic)?;
    match (failed, found) {
        (true, Some(_)) | (false, None) => Ok(None),
        (true, None) => {
            let options = WriteOptions {
                mode: WriteMode::InPlace,
                path_mode: 0o770,
                truncate: false,
                sync: false,
                ..WriteOptions::default()
            };
            match storage.open_write(&name, &options) {
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
