//! Moving bytes from one storage into another, and whole small files in one call.
//!
//! Copies hold one buffer each way, whatever the size of the file. What the bytes go through is the pipeline's matter;
//! where they lie is the storages'.

use std::fmt;
use std::io::{self, Read, Write};

use pgkeep_pipeline::{Report, Running};

use crate::error::{Error, ErrorKind, Operation, Result as StorageResult};
use crate::options::{ReadOptions, WriteOptions};
use crate::path::StoragePath;
use crate::storage::{Storage, StorageWrite};
use crate::ticket::{Ticket, Written};

/// Buffer of copies that nobody tuned.
const PLAIN_BUFFER: usize = 256 * 1024;

/// What ended a copy: one of the storages, or the pipeline (bad input, wrong pass-phrase).
#[derive(Debug, Clone)]
pub enum CopyError {
    Storage(Error),
    Pipeline(pgkeep_pipeline::Error),
}

impl CopyError {
    /// Sorts an error of a stream that may come from a stage or from a storage.
    pub fn from_stream(operation: Operation, source: io::Error) -> Self {
        match pgkeep_pipeline::Error::from_io(&source) {
            Some(error) => Self::Pipeline(error.clone()),
            // Streams of a storage carry its own error, object included; the name is missing only in others.
            None => Self::Storage(Error::from_stream(operation, "", source)),
        }
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Pipeline(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CopyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            Self::Pipeline(error) => Some(error),
        }
    }
}

impl From<Error> for CopyError {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

/// Reads `read` to its end through `running` into `write` and finishes it, `buffer_size` bytes at a time.
///
/// Returns the reports of the stages and the ticket of the file. After an error nothing has been published: the writer
/// is dropped.
pub fn copy_file(
    read: &mut dyn Read,
    write: Box<dyn StorageWrite>,
    running: Running,
    buffer_size: usize,
) -> Result<(Vec<Report>, Ticket), CopyError> {
    copy_file_with(read, write, running, &mut vec![0; buffer_size.max(1)])
}

/// As [`copy_file`], with the caller's buffer: a worker keeps one for all its files.
pub fn copy_file_with(
    read: &mut dyn Read,
    mut write: Box<dyn StorageWrite + '_>,
    mut running: Running,
    buffer: &mut [u8],
) -> Result<(Vec<Report>, Ticket), CopyError> {
    loop {
        // Filled as far as it goes: codecs and the page check work best on whole buffers.
        let filled =
            fill(read, buffer).map_err(|error| CopyError::from_stream(Operation::Read, error))?;
        if filled > 0 {
            running
                .push_into(&buffer[..filled], &mut write)
                .map_err(|error| CopyError::from_stream(Operation::Write, error))?;
        }
        if filled < buffer.len() {
            break;
        }
    }
    let reports = running
        .finish_into(&mut write)
        .map_err(|error| CopyError::from_stream(Operation::Write, error))?;
    Ok((reports, write.finish()?))
}

/// Reads until `buffer` is full or the input ends.
fn fill(read: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads a whole small file. `None` when it is missing; a file of more than `limit` bytes is `ErrorKind::Broken`.
pub fn read_all(
    storage: &dyn Storage,
    path: &StoragePath,
    limit: u64,
) -> StorageResult<Option<Vec<u8>>> {
    let options = ReadOptions {
        expect: Some(limit),
        ..ReadOptions::default()
    };
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
        return Err(Error::new(
            ErrorKind::Broken,
            Operation::Read,
            storage.display(path),
            reason,
        ));
    }
    Ok(Some(out))
}

/// Writes a whole small file and waits until it is published.
pub fn write_all(
    storage: &dyn Storage,
    path: &StoragePath,
    write: &WriteOptions,
    content: &[u8],
) -> StorageResult<Written> {
    write_ticket(storage, path, write, content)?.wait()
}

/// Writes a whole small file and hands back its ticket.
pub fn write_ticket(
    storage: &dyn Storage,
    path: &StoragePath,
    write: &WriteOptions,
    content: &[u8],
) -> StorageResult<Ticket> {
    let options = WriteOptions {
        expect: Some(content.len() as u64),
        ..write.clone()
    };
    let mut writer = storage.open_write(path, &options)?;
    writer
        .write_all(content)
        .map_err(|error| Error::from_stream(Operation::Write, storage.display(path), error))?;
    writer.finish()
}

/// Copies a file as it is.
pub fn copy_plain(
    from_storage: &dyn Storage,
    from: &StoragePath,
    to_storage: &dyn Storage,
    to: &StoragePath,
    options: &WriteOptions,
) -> StorageResult<Ticket> {
    let mut read = from_storage.open_read(from, &ReadOptions::default())?;
    let mut write = to_storage.open_write(to, options)?;
    let mut buffer = vec![0; PLAIN_BUFFER];
    loop {
        let got = read.read(&mut buffer).map_err(|error| {
            Error::from_stream(Operation::Read, from_storage.display(from), error)
        })?;
        if got == 0 {
            return write.finish();
        }
        write
            .write_all(&buffer[..got])
            .map_err(|error| Error::from_stream(Operation::Write, to_storage.display(to), error))?;
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_pipeline::{CompressType, Pipeline, Sha1Digest, Stage};

    use super::*;
    use crate::memory::MemoryStorage;

    fn at(path: &str) -> StoragePath {
        StoragePath::new(path)
    }

    fn copy(
        storage: &MemoryStorage,
        stages: Vec<Stage>,
        buffer: usize,
    ) -> Result<(Vec<Report>, Ticket), CopyError> {
        let mut read = storage.open_read(&at("from"), &ReadOptions::default())?;
        let write = storage.open_write(&at("to"), &WriteOptions::default())?;
        copy_file(
            &mut read,
            write,
            Pipeline::new(stages).start(buffer),
            buffer,
        )
    }

    #[test]
    fn a_copy_without_stages_is_the_same_file_whatever_the_buffer() {
        let storage = MemoryStorage::new();
        for (size, buffer) in [
            (0, 1),
            (1, 1),
            (10, 3),
            (9, 3),
            (70_000, 65_536),
            (65_536, 65_536),
            (5, 0),
        ] {
            let bytes: Vec<u8> = (0..size)
                .map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
                .collect();
            write_all(&storage, &at("from"), &WriteOptions::default(), &bytes).unwrap();
            let (reports, ticket) = copy(&storage, Vec::new(), buffer).unwrap();
            assert!(reports.is_empty());
            assert_eq!(ticket.wait().unwrap().size, u64::from(size));
            assert_eq!(
                read_all(&storage, &at("to"), 1 << 20).unwrap().unwrap(),
                bytes
            );
        }
    }

    #[test]
    fn stages_report_what_passed_and_the_file_holds_what_came_out() {
        let storage = MemoryStorage::new();
        let bytes = vec![b'x'; 300_000];
        write_all(&storage, &at("from"), &WriteOptions::default(), &bytes).unwrap();
        let stages = vec![
            Stage::Sha1,
            Stage::Size,
            Stage::Compress {
                kind: CompressType::Gz,
                level: 6,
                raw: false,
            },
            Stage::Size,
        ];
        let (reports, ticket) = copy(&storage, stages, 65_536).unwrap();
        let written = ticket.wait().unwrap().size;
        let [
            Report::Sha1(sum),
            Report::Size(300_000),
            _,
            Report::Size(stored),
        ] = &reports[..]
        else {
            panic!("{reports:?}")
        };
        assert_ne!(*sum, Sha1Digest::EMPTY);
        assert_eq!(*stored, written);
        assert!(written < 10_000);

        storage
            .copy_within(&at("to"), &at("from"))
            .unwrap()
            .wait()
            .unwrap();
        copy(
            &storage,
            vec![Stage::Decompress {
                kind: CompressType::Gz,
                raw: false,
            }],
            1000,
        )
        .unwrap()
        .1
        .wait()
        .unwrap();
        assert_eq!(
            read_all(&storage, &at("to"), 1 << 20).unwrap().unwrap(),
            bytes
        );
    }

    #[test]
    fn a_failing_stage_is_told_apart_and_publishes_nothing() {
        let storage = MemoryStorage::new();
        write_all(
            &storage,
            &at("from"),
            &WriteOptions::default(),
            b"this is no gzip file",
        )
        .unwrap();
        let error = copy(
            &storage,
            vec![Stage::Decompress {
                kind: CompressType::Gz,
                raw: false,
            }],
            1000,
        )
        .unwrap_err();
        assert!(matches!(error, CopyError::Pipeline(_)), "{error}");
        assert_eq!(read_all(&storage, &at("to"), 100).unwrap(), None);
    }

    #[test]
    fn a_small_file_is_read_up_to_its_limit() {
        let storage = MemoryStorage::new();
        write_all(&storage, &at("file"), &WriteOptions::default(), b"12345").unwrap();
        assert_eq!(
            read_all(&storage, &at("file"), 5).unwrap().as_deref(),
            Some(&b"12345"[..])
        );
        assert_eq!(
            read_all(&storage, &at("file"), 4).unwrap_err().kind(),
            ErrorKind::Broken
        );
        assert_eq!(read_all(&storage, &at("missing"), 4).unwrap(), None);
    }
}
