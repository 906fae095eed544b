//! Which info files there are.

use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::Result;
use crate::layout::copy_of;

/// Of each path whether the file or its copy is there, asked for all at once.
///
/// # Errors
/// Those of the storage.
pub fn are_there(storage: &dyn Storage, paths: &[StoragePath]) -> Result<Vec<bool>> {
    let both: Vec<StoragePath> = paths
        .iter()
        .flat_map(|path| [path.clone(), copy_of(path)])
        .collect();
    let found = storage.info_many(&both, InfoLevel::Exists)?;
    let is_there = |pair: &[Option<_>]| pair.iter().any(Option::is_some);
    Ok(found.chunks(2).map(is_there).collect())
}
