//! A key that is kept in a file of its own beside an info file, while the files that it opens get another one, and afterwards for
//! what was stored meanwhile (`docs/format/compression-and-encryption.md`).
//!
//! The file has the form of an info file without entries, and a copy. pgBackRest does not look at it.

use pgkeep_storage::copy::write_all;
use pgkeep_storage::temporary::temp_name;
use pgkeep_storage::{ErrorKind, Storage, StoragePath, WriteOptions};
use secrecy::SecretString;

use crate::error::{Error, Result};
use crate::info_file::{self, InfoWriter, LoadKind, PROGRAM_VERSION};
use crate::layout::{self, copy_of};
use crate::stanza::Stanza;

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

/// Of each stanza whether such a key is kept beside one of its info files.
///
/// # Errors
/// Those of the storage.
pub fn are_kept(storage: &dyn Storage, stanzas: &[Stanza], kept: Kept) -> Result<Vec<bool>> {
    let of = |stanza| {
        let infos = [layout::archive_info(stanza), layout::backup_info(stanza)];
        infos.map(|info| path(&info, kept))
    };
    let paths: Vec<StoragePath> = stanzas.iter().flat_map(of).collect();
    let there = info_file::are_there(storage, &paths)?;
    Ok(there.chunks(2).map(|there| there.contains(&true)).collect())
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

/// Keeps `key` unless one is kept there already: `false`. Of several hosts that do this at the same time exactly one keeps its key:
/// the file is whole before it gets its name, and a hard link is refused where the name is taken. On a file system without hard links
/// nothing tells them apart, and the last one wins.
///
/// # Errors
/// Those of the storage.
pub fn save_first(
    storage: &dyn Storage,
    path: &StoragePath,
    key: &SecretString,
    pass: &SecretString,
) -> Result<bool> {
    let Some(links) = storage.as_hard_links() else {
        return save(storage, path, key, pass).map(|()| true);
    };
    let plain = InfoWriter::new(Vec::new(), PROGRAM_VERSION, Some(key))?.finish()?;
    let bytes = info_file::stored(plain, Some(pass))?;
    let whole = StoragePath::new(temp_name(path.as_bytes()));
    write_all(storage, &whole, &WriteOptions::default(), &bytes)?;
    let linked = links.hard_link(&whole, path);
    storage.remove(&whole)?;
    match linked {
        // What makes the copy durable makes the name beside it durable, too.
        Ok(()) => {
            write_all(storage, &copy_of(path), &WriteOptions::default(), &bytes)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::Exists => Ok(false),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Denied) => {
            save(storage, path, key, pass).map(|()| true)
        }
        Err(error) => Err(error.into()),
    }
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

#[cfg(test)]
mod tests {
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::{InfoLevel, ListOptions};
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn of_two_that_keep_a_key_at_the_same_time_only_the_first_does() {
        let storage = MemoryStorage::new();
        let path = path(&StoragePath::new("archive/demo/archive.info"), Kept::New);
        let pass = SecretString::from("pass");
        for (key, is_first) in [("one", true), ("other", false)] {
            let kept = save_first(&storage, &path, &SecretString::from(key), &pass).unwrap();
            assert_eq!(kept, is_first);
            for file in [path.clone(), copy_of(&path)] {
                let found = load(&storage, &file, &pass).unwrap().unwrap();
                assert_eq!(found.expose_secret(), "one");
            }
        }
        // No temporary file is left.
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        let listed = storage.list(&StoragePath::new("archive/demo"), &options);
        assert_eq!(listed.unwrap().unwrap().len(), 2);
    }
}
