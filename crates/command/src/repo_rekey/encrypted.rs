//! One file that is encrypted with another key, whole or not at all. What it holds proves which key it has.

use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::{closed, info_file};
use pgkeep_storage::copy::{CopyError, copy_file};
use pgkeep_storage::{InfoLevel, ReadOptions, Storage, StoragePath, WriteOptions};
use secrecy::SecretString;

use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;
use crate::wal::small_file;
use crate::wal::stored_content::{self, Content};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// What proves that a key is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// The checksum in the name.
    Segment(StoredSegment),
    /// It is text: the history of a timeline or the label of a backup.
    Text,
    /// The checksum inside.
    Manifest { is_gz: bool },
}

/// A file that is encrypted.
#[derive(Debug, Clone)]
pub(super) struct Encrypted {
    pub path: StoragePath,
    pub proof: Proof,
}

/// Encrypts the file with the new key; `false`: it has it already, or it is gone.
///
/// # Errors
/// Neither key opens it; the storage; a stop.
pub(super) fn again(
    storage: &dyn Storage,
    file: &Encrypted,
    (old, new): (&SecretString, &SecretString),
    cancel: &Cancel,
) -> Result<bool> {
    let Some(found) = storage.info(&file.path, InfoLevel::Basic)? else {
        return Ok(false);
    };
    if is_opened_by(storage, file, new, cancel)? {
        return Ok(false);
    }
    if !is_opened_by(storage, file, old, cancel)? {
        return Err(Error::new(
            ErrorCode::Crypto,
            format!(
                "'{}' is damaged: no key of its stanza opens it",
                storage.display(&file.path)
            ),
        )
        .with_hint("files that were encrypted anew so far stay as they are, and so do the keys of both kinds.")
        .with_hint("remove the file if you can do without it, and run repo-rekey --deep again."));
    }
    let mut read = storage.open_read(&file.path, &ReadOptions::default())?;
    // Under its own name: a reader sees the one or the other. Its time says when it came into the repository.
    let options = WriteOptions {
        expect: Some(found.size),
        modified: Some(found.modified),
        ..closed::options_like(storage, &file.path)?
    };
    let write = storage.open_write(&file.path, &options)?;
    let stages = vec![
        Stage::Decrypt {
            pass: old.clone(),
            raw: false,
        },
        Stage::Encrypt {
            pass: new.clone(),
            raw: false,
        },
    ];
    let running = Pipeline::new(stages).start(BUFFER);
    let (_, ticket) =
        copy_file(&mut read, write, running, BUFFER).map_err(|error| match error {
            CopyError::Storage(error) => Error::from(error),
            CopyError::Pipeline(error) => error.into(),
        })?;
    ticket.wait()?;
    Ok(true)
}

fn is_opened_by(
    storage: &dyn Storage,
    file: &Encrypted,
    key: &SecretString,
    cancel: &Cancel,
) -> Result<bool> {
    match &file.proof {
        Proof::Segment(stored) => {
            let content =
                stored_content::check(storage, &file.path, (stored, Some(key)), BUFFER, cancel)?;
            Ok(content == Content::Intact)
        }
        Proof::Manifest { is_gz } => Ok(info_file::is_opened_by(storage, &file.path, key, *is_gz)?),
        Proof::Text => match small_file::read(storage, &file.path, Some(key)) {
            Ok(plain) => Ok(plain.is_none_or(|plain| is_text(&plain))),
            Err(error) if error.is_about_the_storage() => Err(error),
            Err(error)
                if error.code == ErrorCode::FileOpen || error.code == ErrorCode::FileRead =>
            {
                Err(error)
            }
            Err(_) => Ok(false),
        },
    }
}

/// Of bytes that come out of a wrong key one in three at most is part of a text, and there are sixteen of them or more.
fn is_text(plain: &[u8]) -> bool {
    let is_control = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t');
    std::str::from_utf8(plain).is_ok_and(|text| !text.contains(is_control))
}
