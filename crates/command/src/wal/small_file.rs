//! What an archive has of a file that is no segment: the history of a timeline, or the label of a backup.

use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_storage::{Storage, StoragePath, copy};
use secrecy::SecretString;

use crate::error::Result;

/// The longest such file: a history has a line for each timeline, of which there are few.
pub const LONGEST: u64 = 1 << 20;

/// Bytes that may gather between two stages.
const BUFFER: usize = 256 * 1024;

/// The file as PostgreSQL handed it over; `None`: it is not there. Such files are never compressed.
///
/// # Errors
/// It cannot be read or decrypted, or is longer than any such file is.
pub fn read(
    storage: &dyn Storage,
    path: &StoragePath,
    pass: Option<&SecretString>,
) -> Result<Option<Vec<u8>>> {
    let Some(stored) = copy::read_all(storage, path, LONGEST)? else {
        return Ok(None);
    };
    let Some(pass) = pass.cloned() else {
        return Ok(Some(stored));
    };
    let mut running = Pipeline::new(vec![Stage::Decrypt { pass, raw: false }]).start(BUFFER);
    let mut plain = Vec::new();
    running.push(&stored, &mut plain)?;
    running.finish(&mut plain)?;
    Ok(Some(plain))
}
