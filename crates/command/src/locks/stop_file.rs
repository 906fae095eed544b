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

/// What a stop file forbids to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped<'a> {
    Stanza(&'a str),
    AllStanzas,
}

impl Stopped<'_> {
    /// What was found.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Stanza(stanza) => format!("stop file exists for stanza {stanza}"),
            Self::AllStanzas => "stop file exists for all stanzas".to_owned(),
        }
    }

    /// The command that lets it run again.
    #[must_use]
    pub fn start(&self) -> String {
        match self {
            Self::Stanza(stanza) => advice::pgkeep(stanza, "start"),
            Self::AllStanzas => "pgkeep start".to_owned(),
        }
    }

    fn error(&self) -> Error {
        let whose = match self {
            Self::Stanza(_) => "it was",
            Self::AllStanzas => "they were",
        };
        Error::new(ErrorCode::Stop, self.text()).with_hint(format!(
            "{whose} stopped on purpose; to go on: {}",
            self.start()
        ))
    }
}

/// Fails when a stop file forbids this run.
///
/// # Errors
/// [`ErrorCode::Stop`].
pub fn check(context: &Context) -> Result<()> {
    find(context)?.map_or(Ok(()), |stopped| Err(stopped.error()))
}

/// Whether a stop file of this host forbids what changes this stanza.
///
/// # Errors
/// When the lock path cannot be searched.
pub fn is_stopped(context: &Context, stanza: &str) -> Result<bool> {
    let lock_path = this_host::directory(&super::path::path(context));
    for name in [path(Some(stanza)), path(None)] {
        if lock_path.info(&name, InfoLevel::Exists)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The stop file that forbids this run: that of its stanza, else that of all.
///
/// # Errors
/// When the lock path cannot be searched.
pub fn find(context: &Context) -> Result<Option<Stopped<'_>>> {
    let lock_path = this_host::directory(&super::path::path(context));
    let exists = |stanza| -> Result<bool> {
        Ok(lock_path.info(&path(stanza), InfoLevel::Exists)?.is_some())
    };
    if let Some(stanza) = context.config.stanza()
        && exists(Some(stanza))?
    {
        return Ok(Some(Stopped::Stanza(stanza)));
    }
    Ok(exists(None)?.then_some(Stopped::AllStanzas))
}
