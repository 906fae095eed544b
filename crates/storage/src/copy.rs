//! Moving bytes from one storage into another, and whole small files in one call.
//!
//! Copies hold one buffer each way, whatever the size of the file. What the bytes go through is the pipeline's matter;
//! where they lie is the storages'.

use std::io::{Read, Write};

use crate::error::{Error, ErrorKind, Operation, Result};
use crate::path::StoragePath;
use crate::storage::{ReadOptions, Storage, WriteOptions};
use crate::ticket::{Ticket, Written};

/// Buffer of copies that nobody tuned.
const PLAIN_BUFFER: usize = 256 * 1024;

/// Reads a whole small file. `None` when it is missing; a file of more than `limit` bytes is `ErrorKind::Broken`.
pub fn read_all(storage: &dyn Storage, path: &StoragePath, limit: u64) -> Result<Option<Vec<u8>>> {
    let options = ReadOptions { expect: Some(limit), ..ReadOptions::default() };
    let mut out = Vec::new();
    // One byte more than allowed tells a file that fits from one that does not.
    let read = storage.open_read(path, &options).and_then(|read| {
        read.take(limit.saturating_add(1))
            .read_to_end(&mut out)
            .map_err(|error| Error::from_stream(Operation::Read, storage.display(path), error))
    });
    match read {
        Ok(_) => {}
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    }
    if out.len() as u64 > limit {
        let reason = format!("the file has more than {limit} bytes");
        return Err(Error::new(ErrorKind::Broken, Operation::Read, storage.display(path), reason));
    }
    Ok(Some(out))
}

/// Writes a whole small file and waits until it is published.
pub fn write_all(storage: &dyn Storage, path: &StoragePath, write: &WriteOptions, content: &[u8]) -> Result<Written> {
    write_ticket(storage, path, write, content)?.wait()
}

/// Writes a whole small file and hands back its ticket.
pub fn write_ticket(
    storage: &dyn Storage,
    path: &StoragePath,
    write: &WriteOptions,
    content: &[u8],
) -> Result<Ticket> {
    let options = WriteOptions { expect: Some(content.len() as u64), ..write.clone() };
    let mut writer = storage.open_write(path, &options)?;
    writer
        .write_all(content)
        .map_err(|error| Error::from_stream(Operation::Write, storage.display(path), error))?;
    writer.finish()
}

/// Copies a file as it is, atomically at the target.
pub fn copy_plain(
    from_storage: &dyn Storage,
    from: &StoragePath,
    to_storage: &dyn Storage,
    to: &StoragePath,
) -> Result<Ticket> {
    let mut read = from_storage.open_read(from, &ReadOptions::default())?;
    let mut write = to_storage.open_write(to, &WriteOptions::default())?;
    let mut buffer = vec![0; PLAIN_BUFFER];
    loop {
        let got = read
            .read(&mut buffer)
            .map_err(|error| Error::from_stream(Operation::Read, from_storage.display(from), error))?;
        if got == 0 {
            return write.finish();
        }
        write
            .write_all(&buffer[..got])
            .map_err(|error| Error::from_stream(Operation::Write, to_storage.display(to), error))?;
    }
}
