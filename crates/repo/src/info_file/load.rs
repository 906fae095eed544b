//! Loads an info file, or its copy when the file itself cannot be used (`docs/format/info-files.md`).
//!
//! Any error of the first attempt leads to the second; only two failures are an error, whose class and text are
//! composed as pgBackRest does.

use std::io::BufRead;

use pgkeep_pipeline::cipher::MAGIC;
use pgkeep_storage::{ReadOptions, Storage, StoragePath};
use secrecy::SecretString;

use super::cipher::plain_reader;
use crate::error::{Error, ErrorType, Result};
use crate::layout::copy_of;

/// What to do about an encrypted file for which there is no pass-phrase.
const ENCRYPTED: &str =
    "the file is encrypted: set repo-cipher-type and repo-cipher-pass of this repository.";

/// What the message calls the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadKind {
    /// `archive.info`, `backup.info`.
    Info,
    /// `backup.manifest`.
    Manifest,
}

/// Loads `path`, or its `.copy` if that fails. `pass` decrypts both; `parse` makes the value from plain text.
pub fn load<T>(
    storage: &dyn Storage,
    path: &StoragePath,
    pass: Option<&SecretString>,
    kind: LoadKind,
    parse: impl Fn(&mut dyn BufRead) -> Result<T>,
) -> Result<T> {
    let copy = copy_of(path);
    let first = match load_one(storage, path, pass, &parse) {
        Ok(value) => return Ok(value),
        // The copy is in the same place.
        Err(error) if error.kind.is_unreachable() => return Err(error),
        Err(error) => error,
    };
    let second = match load_one(storage, &copy, pass, &parse) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let name = storage.display(path);
    let what = match kind {
        LoadKind::Info => "info file",
        LoadKind::Manifest => "backup manifest file",
    };
    Err(compose(
        &format!("unable to load {what} '{name}' or '{name}.copy'"),
        first,
        second,
    ))
}

/// Loads exactly `path`.
pub fn load_one<T>(
    storage: &dyn Storage,
    path: &StoragePath,
    pass: Option<&SecretString>,
    parse: impl Fn(&mut dyn BufRead) -> Result<T>,
) -> Result<T> {
    let attempt = || {
        let read = storage.open_read(path, &ReadOptions::default())?;
        let mut plain = plain_reader(read, pass);
        // Without a pass-phrase the bytes come as they are stored.
        let encrypted = pass.is_none() && plain.fill_buf()?.starts_with(MAGIC);
        let parsed = parse(&mut *plain).map_err(|error| match encrypted {
            true => error.with_hint(ENCRYPTED),
            false => error,
        });
        // A wrong passphrase makes garbage, and only the end of the stream proves that it was wrong.
        if parsed.is_err()
            && pass.is_some()
            && let Err(error) = std::io::copy(&mut plain, &mut std::io::sink()).map_err(Error::from)
            && error.kind == ErrorType::Crypto
        {
            return Err(error);
        }
        parsed
    };
    attempt().map_err(|error: Error| match error.kind {
        ErrorType::Crypto => error.with_hint("is or was the repo encrypted?"),
        _ => error,
    })
}

/// One error from two: a missing file gives way to the other's class, two different classes become file-open.
fn compose(message: &str, first: Error, second: Error) -> Error {
    let missing = |error: &Error| error.kind.name() == "FileMissingError";
    let text = format!(
        "{message}:\n{}: {}\n{}: {}",
        first.kind.name(),
        first.text(),
        second.kind.name(),
        second.text()
    );
    let (kind, storage) = if first.kind.name() == second.kind.name() || missing(&second) {
        (first.kind, first.storage)
    } else if missing(&first) {
        (second.kind, second.storage)
    } else {
        (ErrorType::FileOpen, None)
    };
    Error {
        kind,
        message: text,
        hints: Vec::new(),
        storage,
    }
}
