//! Repositories that a second account may only add to: what is there is closed to writers, and must stay closed.
//!
//! Both accounts have one number, so a file that its owner may write could be changed by whoever has taken over the host that
//! only adds. That account makes every file without that permission, `backup.info` among them. By this the repository is known,
//! and whoever replaces an info file gives the new one the same mode.

use pgkeep_storage::{InfoLevel, Storage, StorageKind, StoragePath, WriteOptions};

use crate::error::Result;
use crate::layout;
use crate::stanza::Stanza;

/// The owner and the group may read.
pub const CLOSED: u32 = 0o440;

/// Whether the stanza is one that an account may only add to.
///
/// # Errors
/// Those of the storage.
pub fn is_closed(storage: &dyn Storage, stanza: &Stanza) -> Result<bool> {
    is_closed_file(storage, &layout::backup_info(stanza))
}

/// Options to write an info file with: it stays closed if it was.
///
/// # Errors
/// Those of the storage.
pub fn options_like(storage: &dyn Storage, path: &StoragePath) -> Result<WriteOptions> {
    let mut options = WriteOptions::default();
    if is_closed_file(storage, path)? {
        options.file_mode = CLOSED;
    }
    Ok(options)
}

fn is_closed_file(storage: &dyn Storage, path: &StoragePath) -> Result<bool> {
    // Others have no modes, or one for all files.
    let has_modes = matches!(
        storage.kind(),
        StorageKind::Posix | StorageKind::Sftp | StorageKind::Memory
    );
    if !has_modes || storage.only_adds() {
        return Ok(false);
    }
    let info = storage.info(path, InfoLevel::Detail)?;
    Ok(info.is_some_and(|info| info.mode & 0o444 != 0 && info.mode & 0o222 == 0))
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::copy::write_all;
    use pgkeep_storage::posix::{PosixSettings, PosixStorage};

    use super::*;

    #[test]
    fn a_closed_info_file_stays_closed_and_an_open_one_open() {
        let scratch = tempfile::tempdir().unwrap();
        let storage = PosixStorage::new(PosixSettings::at(scratch.path()));
        let stanza = Stanza::new("demo").unwrap();
        let path = layout::backup_info(&stanza);
        assert!(!is_closed(&storage, &stanza).unwrap());
        for (mode, closed) in [(0o640, false), (CLOSED, true)] {
            let options = WriteOptions {
                file_mode: mode,
                ..WriteOptions::default()
            };
            write_all(&storage, &path, &options, b"x").unwrap();
            assert_eq!(is_closed(&storage, &stanza).unwrap(), closed);
            assert_eq!(options_like(&storage, &path).unwrap().file_mode, mode);
        }
    }
}
