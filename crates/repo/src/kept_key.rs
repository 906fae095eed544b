//! A key that is kept in a file of its own beside an info file, while the files that it opens get another one, and afterwards for
//! what was stored meanwhile (`docs/format/compression-and-encryption.md`).
//!
//! The file has the form of an info file without entries, and a copy. pgBackRest does not look at it.

use pgkeep_storage::{Storage, StoragePath};
use secrecy::SecretString;

use crate::error::{Error, Result};
use crate::info_file::{self, InfoWriter, LoadKind, PROGRAM_VERSION};
use crate::layout::copy_of;

/// Which key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// What files have that have no other yet.
    Old,
    /// What they get.
    New,
    /// What they had before all of them got another: somebody may have stored a file with it meanwhile.
    Last,
}

impl Kept {
    pub const ALL: [Self; 3] = [Self::Old, Self::New, Self::Last];
}

/// Where the key beside this info file is.
#[must_use]
pub fn path(info: &StoragePath, kept: Kept) -> StoragePath {
    let mut bytes = info.as_bytes().to_vec();
    bytes.extend_from_slice(match kept {
        Kept::Old => b".rekey-old",
        Kept::New => b".rekey-new",
        Kept::Last => b".rekey-last",
    });
    StoragePath::new(bytes)
}

/// Keeps `key`, durable on return; `pass` is the repository's pass-phrase.
///
/// # Errors
/// Those of the storage.
pub fn save(
    storage: &dyn Storage,
    path: &StoragePath,
    key: &SecretString,
    pass: &SecretString,
) -> Result<()> {
    let plain = InfoWriter::new(Vec::new(), PROGRAM_VERSION, Some(key))?.finish()?;
    let staged = info_file::stage(storage, path, (plain, Some(false)), Some(pass))?;
    info_file::publish(vec![staged])
}

/// The key, if one is kept.
///
/// # Errors
/// It is there and cannot be read.
pub fn load(
    storage: &dyn Storage,
    path: &StoragePath,
    pass: &SecretString,
) -> Result<Option<SecretString>> {
    if !info_file::are_there(storage, std::slice::from_ref(path))?.contains(&true) {
        return Ok(None);
    }
    let parse = |input: &mut dyn std::io::BufRead| info_file::read(input, &mut |_, _, _| Ok(()));
    let header = info_file::load(storage, path, Some(pass), LoadKind::Info, parse)?;
    match header.cipher_pass {
        Some(key) => Ok(Some(key)),
        None => Err(Error::format(format!(
            "'{}' has no key",
            storage.display(path)
        ))),
    }
}

/// Forgets the key.
///
/// # Errors
/// Those of the storage.
pub fn remove(storage: &dyn Storage, path: &StoragePath) -> Result<()> {
    // The copy alone would still be a whole key, so it makes no difference which of the two goes first.
    storage.remove_files(&[path.clone(), copy_of(path)])?;
    Ok(())
}
