//! Temporary files of one file whose writers are no more: for a name that is written again and again, of which a killed
//! run must not leave a file of 16 MiB each time.

use super::in_use::{self, InUse};
use super::storage::PosixStorage;
use crate::error::Result;
use crate::info::{FileType, InfoLevel};
use crate::options::ListOptions;
use crate::path::StoragePath;
use crate::storage::Storage;
use crate::temporary::final_name;

pub(super) fn remove_of(storage: &PosixStorage, path: &StoragePath) -> Result<usize> {
    let options = ListOptions {
        level: InfoLevel::Type,
        ..ListOptions::default()
    };
    let directory = path.parent();
    let mut removed = 0;
    let mut unknown = false;
    for entry in storage.list(&directory, &options)?.unwrap_or_default() {
        if entry.kind != FileType::File
            || final_name(entry.name.as_bytes()) != Some(path.file_name())
        {
            continue;
        }
        let path = directory.join(entry.name.as_bytes());
        // The lock is kept until the file is gone: a writer that has just made it then takes another name.
        match in_use::check(&storage.absolute(&path)) {
            (InUse::No, _locked) => {
                storage.remove(&path)?;
                removed += 1;
            }
            (InUse::Yes, _) => {}
            (InUse::Unknown, _) => unknown = true,
        }
    }
    if unknown {
        removed += storage.remove_left_overs(&directory, false)?;
    }
    Ok(removed)
}
