//! A file of the repository for a client, through a pipeline if it asks for one.

use std::io::{self, Read, Write};

use pgkeep_pipeline::Pipeline;
use pgkeep_protocol::Exchange;
use pgkeep_storage::{Error as StorageError, Operation, Storage};

use crate::error::Error;
use crate::remote::network_lz4;
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::storage::{LONGEST_PIPELINE, OpenRead, Opened, ReadEnd};

/// Bytes that are read at once: a few frames.
const BUFFER: usize = 256 * 1024;

/// The pipeline of the request, which follows it.
pub(super) fn pipeline(exchange: &mut Exchange, request: &OpenRead) -> Served<Pipeline> {
    Ok(match request.pipeline {
        true => exchange.receive_as_bytes(LONGEST_PIPELINE)?,
        false => match request.lz4 {
            Some(level) => Pipeline::new(vec![network_lz4::compress(level)]),
            None => Pipeline::default(),
        },
    })
}

/// Sends what the pipeline makes of the file; the last value says that it was all.
pub(super) fn serve(
    storage: &dyn Storage,
    exchange: &mut Exchange,
    request: &OpenRead,
    pipeline: Pipeline,
) -> Served<ReadEnd> {
    let path = request.path.path()?;
    let mut read = storage.open_read(&path, &request.options())?;
    exchange.send(&Opened {})?;
    let mut running = pipeline.start(BUFFER);
    let mut buffer = vec![0; BUFFER];
    let mut out = Sent {
        exchange,
        size: 0,
        nothing: request.reports_only,
    };
    loop {
        let got = match read.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let shown = storage.display(&path);
                return Err(StorageError::from_stream(Operation::Read, shown, error).into());
            }
        };
        running
            .push_into(&buffer[..got], &mut out)
            .map_err(failed)?;
        if out.exchange.is_given_up() {
            return Err(failed(io::ErrorKind::ConnectionAborted.into()));
        }
    }
    let reports = running.finish_into(&mut out).map_err(failed)?;
    Ok(ReadEnd {
        size: out.size,
        reports,
    })
}

/// A stage failed, or the client is gone.
fn failed(error: io::Error) -> Failure {
    match pgkeep_pipeline::Error::from_io(&error) {
        Some(stage) => Error::from(stage.clone()).into(),
        None => pgkeep_protocol::Error::from_stream(error).into(),
    }
}

/// Takes what comes out of the pipeline.
struct Sent<'a> {
    exchange: &'a mut Exchange,
    size: u64,
    /// Only the reports are wanted.
    nothing: bool,
}

impl Write for Sent<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let count = match self.nothing {
            true => return Ok(from.len()),
            false => self.exchange.write(from)?,
        };
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
