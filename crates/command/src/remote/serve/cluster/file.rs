//! Reads a file through the pipeline that the client wants, and sends what comes out as it comes.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use pgkeep_pipeline::Pipeline;
use pgkeep_protocol::Exchange;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::PgHost;
use crate::hosts::pg_host::{FileReceiver, ReadOutcome, ReadRequest};
use crate::remote::serve::failure::Served;
use crate::remote::wire::cluster::{
    FileEvent, FileOutcome, LARGEST_BUFFER, LONGEST_PIPELINE, WireRead,
};

/// How often the client is told at most how far the reading has come.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Reads the file and sends it.
pub(super) fn send(host: &dyn PgHost, wanted: WireRead, exchange: &mut Exchange) -> Served<()> {
    let pipeline: Pipeline = exchange.receive_as_bytes(LONGEST_PIPELINE)?;
    let buffer_size = wanted.buffer_size.clamp(1024, LARGEST_BUFFER);
    let request = ReadRequest {
        path: wanted.path.path()?,
        limit: wanted.limit,
        pipeline,
        buffer_size: usize::try_from(buffer_size).unwrap_or(usize::MAX),
        may_be_missing: wanted.may_be_missing,
        skip_empty: wanted.skip_empty,
        reports_only: wanted.reports_only,
    };
    let mut receiver = ToClient {
        exchange,
        untold: 0,
        told: Instant::now(),
    };
    let outcome = host.open_file(request)?.deliver(&mut receiver)?;
    let read = receiver.untold;
    let (outcome, reports) = match outcome {
        ReadOutcome::Missing => (FileOutcome::Missing, None),
        ReadOutcome::Empty => (FileOutcome::Empty, None),
        ReadOutcome::Read(reports) => (FileOutcome::Read, Some(reports)),
    };
    exchange.send(&FileEvent {
        read,
        outcome: Some(outcome),
    })?;
    if let Some(reports) = reports {
        exchange.send_as_bytes(&reports)?;
    }
    Ok(())
}

struct ToClient<'a> {
    exchange: &'a mut Exchange,
    /// Bytes that were read and not told.
    untold: u64,
    told: Instant,
}

impl Write for ToClient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.exchange.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileReceiver for ToClient<'_> {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.untold += bytes;
        if self.told.elapsed() < TELL_EVERY {
            return Ok(());
        }
        // A file of which nothing is sent is not read on for a client that is gone.
        let gone = || Error::new(ErrorCode::Protocol, "the client has given the file up");
        if self.exchange.is_given_up() {
            return Err(gone());
        }
        let event = FileEvent {
            read: std::mem::take(&mut self.untold),
            outcome: None,
        };
        self.told = Instant::now();
        self.exchange.send(&event).map_err(|_| gone())
    }
}
