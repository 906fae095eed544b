//! One file that is encrypted with another key, whole or not at all. What it holds proves which key it has.

use std::io::Read;

use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::{closed, info_file};
use pgkeep_storage::copy::{CopyError, copy_file};
use pgkeep_storage::{InfoLevel, Operation, ReadOptions, Storage, StoragePath, WriteOptions};
use secrecy::SecretString;

use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;
use crate::wal::small_file;
use crate::wal::stored_content::{self, Content};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// Bytes of marker and salt.
const HEADER: u64 = 16;

/// How often a file is looked at that another host writes anew meanwhile.
const TRIES: u32 = 5;

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

/// The keys that a file may have.
pub(super) struct Keys {
    pub new: SecretString,
    /// Those before, the likeliest first.
    pub before: Vec<SecretString>,
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
/// No key opens it; it changes all the time; the storage; a stop.
pub(super) fn again(
    storage: &dyn Storage,
    file: &Encrypted,
    keys: &Keys,
    cancel: &Cancel,
) -> Result<bool> {
    for _ in 0..TRIES {
        let Some(found) = storage.info(&file.path, InfoLevel::Basic)? else {
            return Ok(false);
        };
        let short = ReadOptions {
            expect: Some(HEADER),
            ..ReadOptions::default()
        };
        let look = || beginning(&mut storage.open_read(&file.path, &short)?);
        let salt = look()?;
        let old = match present(storage, file, keys, cancel) {
            Ok(Some(old)) => old,
            Ok(None) => return Ok(false),
            // It may have got the new key between the two tries.
            Err(error) if error.code == ErrorCode::Crypto && look()? != salt => continue,
            Err(error) => return Err(error),
        };
        let mut read = storage.open_read(&file.path, &ReadOptions::default())?;
        let begun = beginning(&mut read)?;
        // Another host may have given it the new key since, under the same name and with the same size and time. Under the key before
        // that would come out as rubbish, which one time in 256 looks like the end of a file. Each encryption has a salt of its own.
        if begun != salt {
            continue;
        }
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
                pass: keys.new.clone(),
                raw: false,
            },
        ];
        let running = Pipeline::new(stages).start(BUFFER);
        let (_, ticket) = copy_file(&mut begun.chain(read), write, running, BUFFER).map_err(
            |error| match error {
                CopyError::Storage(error) => Error::from(error),
                CopyError::Pipeline(error) => error.into(),
            },
        )?;
        ticket.wait()?;
        return Ok(true);
    }
    Err(Error::new(
        ErrorCode::LockAcquire,
        format!(
            "'{}' is written anew by another host again and again",
            storage.display(&file.path)
        ),
    )
    .with_hint("does repo-rekey --deep run on several hosts? Run it on one."))
}

/// The marker and the salt with which an encrypted file begins.
fn beginning(read: &mut dyn Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match read.take(HEADER).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(pgkeep_storage::Error::from_stream(Operation::Read, "", error).into()),
    }
}

/// The key that the file has; `None`: the new one.
fn present<'k>(
    storage: &dyn Storage,
    file: &Encrypted,
    keys: &'k Keys,
    cancel: &Cancel,
) -> Result<Option<&'k SecretString>> {
    let new = opened(storage, file, &keys.new, cancel)?;
    if new == Opened::Yes {
        return Ok(None);
    }
    let mut perhaps = Vec::new();
    perhaps.extend((new == Opened::Perhaps).then_some(None));
    for key in &keys.before {
        match opened(storage, file, key, cancel)? {
            Opened::Yes => return Ok(Some(key)),
            Opened::Perhaps => perhaps.push(Some(key)),
            Opened::No => {}
        }
    }
    match perhaps[..] {
        [key] => Ok(key),
        _ => Err(Error::new(
            ErrorCode::Crypto,
            format!(
                "'{}' is damaged: no key of its stanza opens it",
                storage.display(&file.path)
            ),
        )
        .with_hint("files that were encrypted anew so far stay as they are, and so do the keys of both kinds.")
        .with_hint("remove the file if you can do without it, and run repo-rekey --deep again.")),
    }
}

/// Whether a key is that of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    No,
    /// It opens, as one wrong key in 256 does, and what comes out proves nothing.
    Perhaps,
    Yes,
}

fn opened(
    storage: &dyn Storage,
    file: &Encrypted,
    key: &SecretString,
    cancel: &Cancel,
) -> Result<Opened> {
    let proven = |is_proven| if is_proven { Opened::Yes } else { Opened::No };
    match &file.proof {
        Proof::Segment(stored) => {
            let content =
                stored_content::check(storage, &file.path, (stored, Some(key)), BUFFER, cancel)?;
            Ok(proven(content == Content::Intact))
        }
        Proof::Manifest { is_gz } => {
            let is_opened = info_file::is_opened_by(storage, &file.path, key, *is_gz)?;
            Ok(proven(is_opened))
        }
        Proof::Text => match small_file::read(storage, &file.path, Some(key)) {
            Ok(plain) if plain.as_deref().is_none_or(is_text) => Ok(Opened::Yes),
            // The label of a backup and the reason of a switch may be in any encoding.
            Ok(_) => Ok(Opened::Perhaps),
            Err(error) if error.is_about_the_storage() => Err(error),
            Err(error)
                if error.code == ErrorCode::FileOpen || error.code == ErrorCode::FileRead =>
            {
                Err(error)
            }
            Err(_) => Ok(Opened::No),
        },
    }
}

/// Of bytes that come out of a wrong key one in three at most is part of a text, and there are sixteen of them or more.
fn is_text(plain: &[u8]) -> bool {
    let is_control = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t');
    std::str::from_utf8(plain).is_ok_and(|text| !text.contains(is_control))
}
