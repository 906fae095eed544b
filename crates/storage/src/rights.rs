//! What an account may do where files are kept, found out by doing each thing once.
//!
//! Directory trees have modes to look at; a bucket only has rules that are kept elsewhere, so nothing but an attempt tells.

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::path::StoragePath;
use crate::protection::KeptUntil;

/// Something that an account may be allowed to do in a bucket. What each store calls it is no matter of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// See which files there are.
    List,
    /// Store a file with one request.
    Write,
    Read,
    /// Store a file in parts.
    Upload,
    /// Give an upload in parts up.
    GiveUp,
    /// See which uploads in parts were never ended.
    ListUploads,
    Remove,
    /// Remove several files with one request.
    RemoveMany,
}

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    pub right: Right,
    /// The error, where it failed.
    pub failed: Option<Error>,
}

/// All attempts.
#[derive(Debug, Default)]
pub struct Attempts {
    /// In the order in which they were made. After an error that is no refusal no more are made.
    pub made: Vec<Attempt>,
    /// When the file was stored by the server's clock, in seconds since 1970.
    pub stored: Option<i64>,
    /// Until when the file is locked; `None`: it was not stored, or the settings name no lock.
    pub kept_until: Option<Result<Option<KeptUntil>>>,
    /// Whoever sends no credentials can read the file too; `None`: it was not stored, or that is not known.
    pub public: Option<bool>,
    /// A file of the attempts that could not be removed.
    pub left: Option<StoragePath>,
    /// Files outside of the repository can be listed, too; `None` where there is no outside.
    pub lists_outside: Option<bool>,
}

/// A storage whose rights can be tried.
pub trait Rights: Debug {
    /// Tries every right with a small file `path` and with one beside it whose name begins alike. Neither may exist. Both
    /// are gone afterwards, whatever failed, unless that is what failed.
    fn try_rights(&self, path: &StoragePath) -> Attempts;
}
