//! Saves info files so that at every instant one of the two copies is whole.
//!
//! Each write is atomic by itself; the order and the waiting between the two is what keeps a reader supplied.

use std::io::Write as _;

use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use crate::error::Result;
use crate::layout::copy_of;

/// Saves `bytes` (already encrypted) as `path` and, once that is durable, as its copy.
///
/// Main first: readers prefer it, so from its rename on everybody sees the new state; if the second write fails, the old
/// copy is still a valid former state. The copies get identical bytes, so the file is encrypted once.
pub fn save_main_then_copy(storage: &dyn Storage, path: &StoragePath, bytes: &[u8]) -> Result<()> {
    write(storage, path, bytes)?;
    write(storage, &copy_of(path), bytes)
}

fn write(storage: &dyn Storage, path: &StoragePath, bytes: &[u8]) -> Result<()> {
    let options = WriteOptions {
        expect: Some(bytes.len() as u64),
        ..WriteOptions::default()
    };
    let mut write = storage.open_write(path, &options)?;
    write.write_all(bytes)?;
    // Wait: the next file must not appear before this one is durable.
    write.finish()?.wait()?;
    Ok(())
}

/// Makes `path` from its copy, which is durable already.
///
/// Copy first, main last, the reverse of the other info files: a backup exists from the instant its `backup.manifest`
/// exists, so everything else of it must be in place before.
pub fn save_copy_then_main(storage: &dyn Storage, path: &StoragePath) -> Result<()> {
    storage.copy_within(&copy_of(path), path)?.wait()?;
    Ok(())
}
