//! Repositories that a second account may only add to: what is there is closed to writers, and must stay closed.
//!
//! Both accounts have one number, so a file that its owner may write could be changed by whoever has taken over the host that
//! only adds. That account makes every file without that permission, `backup.info` among them. By this the repository is known,
//! and whoever replaces an info file gives the new one the same mode.

use pgkeep_storage::{FileInfo, InfoLevel, Storage, StorageKind, StoragePath, WriteOptions};

use crate::error::Result;

/// The owner and the group may read.
pub const CLOSED: u32 = 0o440;

/// Options to write an info file with: it stays closed if it was.
///
/// # Errors
/// Those of the storage.
pub fn options_like(storage: &dyn Storage, path: &StoragePath) -> Result<WriteOptions> {
    Ok(options(is_closed_file(storage, path)?))
}

/// The same where it is known.
#[must_use]
pub fn options(closed: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    if closed {
        options.file_mode = CLOSED;
    }
    options
}

/// Whether a file is there and closed.
pub(crate) fn is_closed_file(storage: &dyn Storage, path: &StoragePath) -> Result<bool> {
    if !can_be(storage) {
        return Ok(false);
    }
    let info = storage.info(path, InfoLevel::Detail)?;
    Ok(info.is_some_and(|info| is_closed(&info)))
}

/// Whether its files can be closed: others have no modes, or one for all files. Who may only add has nothing to keep closed.
pub(crate) fn can_be(storage: &dyn Storage) -> bool {
    matches!(
        storage.kind(),
        StorageKind::Posix | StorageKind::Sftp | StorageKind::Memory
    ) && !storage.only_adds()
}

/// Whether a file, of which all details are known, is closed.
pub(crate) fn is_closed(info: &FileInfo) -> bool {
    info.mode & 0o444 != 0 && info.mode & 0o222 == 0
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::copy::write_all;
    use pgkeep_storage::posix::{PosixSettings, PosixStorage};

    use super::*;
    use crate::layout;
    use crate::sets::list_sets_and_closed;
    use crate::stanza::Stanza;

    #[test]
    fn a_closed_info_file_stays_closed_and_an_open_one_open() {
        let scratch = tempfile::tempdir().unwrap();
        let storage = PosixStorage::new(PosixSettings::at(scratch.path()));
        let stanza = Stanza::new("demo").unwrap();
        let path = layout::backup_info(&stanza);
        let sets = || list_sets_and_closed(&storage, &stanza).unwrap();
        assert!(!sets().1);
        for (mode, closed) in [(0o640, false), (CLOSED, true)] {
            let options = WriteOptions {
                file_mode: mode,
                ..WriteOptions::default()
            };
            write_all(&storage, &path, &options, b"x").unwrap();
            assert_eq!(sets().1, closed);
            assert_eq!(options_like(&storage, &path).unwrap().file_mode, mode);
        }
    }
}
