//! Saves info files so that at every instant one of the two copies is whole.
//!
//! Each write is atomic by itself; the order and the waiting between the two is what keeps a reader supplied. The bytes of all
//! files may be on their way at the same time, since nobody sees them before a file gets its name.

use std::io::Write as _;

use pgkeep_storage::{Storage, StoragePath, StorageWrite, WriteOptions};
use secrecy::SecretString;

use super::cipher::encrypt;
use crate::closed;
use crate::error::Result;
use crate::layout::copy_of;

/// An info file and its copy whose bytes are with the storage, but which have no names yet. Dropping it leaves nothing.
pub struct StagedInfo {
    main: Box<dyn StorageWrite>,
    copy: Box<dyn StorageWrite>,
}

impl std::fmt::Debug for StagedInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StagedInfo")
    }
}

/// Begins to save a text as `path` and as its copy. Both get identical bytes, so it is encrypted once.
/// `closed`: whether nobody may write the files, looked up if it is not known.
pub fn stage(
    storage: &dyn Storage,
    path: &StoragePath,
    (plain, closed): (Vec<u8>, Option<bool>),
    pass: Option<&SecretString>,
) -> Result<StagedInfo> {
    let bytes = encrypt(plain, pass)?;
    let options = WriteOptions {
        expect: Some(bytes.len() as u64),
        ..match closed {
            Some(closed) => closed::options(closed),
            None => closed::options_like(storage, path)?,
        }
    };
    let begin = |path: &StoragePath| -> Result<Box<dyn StorageWrite>> {
        let mut write = storage.open_write(path, &options)?;
        write.write_all(&bytes)?;
        write.stage()?;
        Ok(write)
    };
    Ok(StagedInfo {
        main: begin(path)?,
        copy: begin(&copy_of(path))?,
    })
}

/// The bytes of an info file as they are stored.
pub fn stored(plain: Vec<u8>, pass: Option<&SecretString>) -> Result<Vec<u8>> {
    encrypt(plain, pass)
}

/// Gives files their names: all main files and, once those are durable, all copies.
///
/// Main first: readers prefer it, so from its rename on everybody sees the new state; if the second write fails, the old
/// copy is still a valid former state. What the copies are of does not matter to each other.
pub fn publish(files: Vec<StagedInfo>) -> Result<()> {
    let (mut mains, mut copies) = (Vec::new(), Vec::new());
    for file in files {
        mains.push(file.main);
        copies.push(file.copy);
    }
    for files in [mains, copies] {
        let tickets: Vec<_> = files
            .into_iter()
            .map(StorageWrite::finish)
            .collect::<std::result::Result<_, _>>()?;
        // Wait: the next file must not appear before these are durable.
        for ticket in tickets {
            ticket.wait()?;
        }
    }
    Ok(())
}
