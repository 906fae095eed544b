//! Whether a key opens a file of the form of an info file: its checksum proves it.

use std::io::{BufRead, BufReader};

use pgkeep_pipeline::{CompressType, Pipeline, RunningReader, Stage};
use pgkeep_storage::{ReadOptions, Storage, StoragePath};
use secrecy::SecretString;

use super::cipher::plain_reader;
use super::read::read;
use crate::error::Result;

/// Bytes that may gather between two stages.
const BUFFER: usize = 64 * 1024;

/// Whether `key` opens the file, which is compressed by gz if `is_gz`.
///
/// # Errors
/// The storage is out of reach, or the file is not there.
pub fn is_opened_by(
    storage: &dyn Storage,
    path: &StoragePath,
    key: &SecretString,
    is_gz: bool,
) -> Result<bool> {
    let stored = storage.open_read(path, &ReadOptions::default())?;
    let mut plain: Box<dyn BufRead> = plain_reader(stored, Some(key));
    if is_gz {
        let stage = Stage::Decompress {
            kind: CompressType::Gz,
            raw: false,
        };
        let running = Pipeline::new(vec![stage]).start(BUFFER);
        plain = Box::new(BufReader::new(RunningReader::new(plain, running, BUFFER)));
    }
    match read(&mut *plain, &mut |_, _, _| Ok(())) {
        Ok(_) => Ok(true),
        Err(error) if error.kind.is_unreachable() => Err(error),
        Err(_) => Ok(false),
    }
}
