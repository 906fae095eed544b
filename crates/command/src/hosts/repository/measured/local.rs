//! Measures files of a storage that this host reaches itself. Those that follow are opened while the first is read, so that on a
//! network with latency no file waits for a round trip of its own.

use std::io::{ErrorKind, Read};

use pgkeep_pipeline::{Pipeline, Report, Stage};
use pgkeep_storage::{PipelineRead, ReadOptions, Storage};

use super::file::{Measured, StoredFile, Teller, Told};
use crate::error::{Error, ErrorCode, Result};
use crate::jobs::{Buffers, OpenedAhead};
use crate::run::cancel::Cancel;

/// Bytes that are read at once at most.
const READ_MOST: usize = 256 * 1024;

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub cancel: &'a Cancel,
    pub buffers: &'a Buffers,
    /// Bytes that may gather between two stages.
    pub buffer_size: usize,
}

type Opened = pgkeep_storage::Result<Box<dyn PipelineRead>>;

/// Measures `files` of `storage` in their order.
///
/// # Errors
/// The storage is out of reach, the run was cancelled, or that of `told`; all else is told of its file.
pub fn measure(
    storage: &dyn Storage,
    reading: Reading<'_>,
    files: &[&StoredFile],
    told: Teller<'_>,
) -> Result<()> {
    let size = reading.buffer_size.clamp(4096, READ_MOST);
    let mut buffer = reading.buffers.take(size);
    let result = measure_all(storage, reading, files, &mut buffer, told);
    reading.buffers.put_back(buffer);
    result
}

fn measure_all(
    storage: &dyn Storage,
    reading: Reading<'_>,
    files: &[&StoredFile],
    buffer: &mut [u8],
    told: Teller<'_>,
) -> Result<()> {
    let bytes = |file: &&&StoredFile| file.stored.unwrap_or(0);
    for (file, read) in OpenedAhead::new(files, bytes, |file| open(storage, file)) {
        let mut read_on = |bytes| told(Told::Read(bytes));
        let measured = read
            .map_err(Error::from)
            .and_then(|read| measure_one(file, read, reading, buffer, &mut read_on));
        match measured {
            Err(error) if error.is_about_the_storage() => return Err(error),
            measured => told(Told::Done(measured))?,
        }
    }
    Ok(())
}

fn open(storage: &dyn Storage, file: &StoredFile) -> Opened {
    let options = ReadOptions {
        ranges: file.slice.into_iter().collect(),
        expect: file.stored,
        lazy_open: true,
        compressible: false,
    };
    storage.open_read(&file.path, &options)
}

fn measure_one(
    file: &StoredFile,
    mut read: Box<dyn PipelineRead>,
    reading: Reading<'_>,
    buffer: &mut [u8],
    read_on: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Measured> {
    let mut stages = file.unpack.as_ref().map_or(Vec::new(), |u| u.stages());
    stages.extend([Stage::Sha1, Stage::Size]);
    let mut running = Pipeline::new(stages).start(reading.buffer_size);
    let mut sink = std::io::sink();
    loop {
        reading.cancel.check()?;
        let got = match read.read(buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        running.push_into(&buffer[..got], &mut sink)?;
        read_on(got as u64)?;
    }
    match &running.finish_into(&mut sink)?[..] {
        [.., Report::Sha1(sha1), Report::Size(size)] => Ok(Measured {
            size: *size,
            sha1: *sha1,
        }),
        _ => Err(Error::new(
            ErrorCode::Assert,
            "a stage of the pipeline did not report",
        )),
    }
}
