//! Measures files of the repository for a client, which is sent neither their bytes nor their keys.

use std::time::{Duration, Instant};

use pgkeep_protocol::Exchange;
use pgkeep_storage::Storage;

use super::keys::Keys;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::measured::file::{StoredFile, Told};
use crate::hosts::repository::measured::local::{self, Reading};
use crate::jobs::Buffers;
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::measure::{MOST_MEASURED, MeasureEvent, MeasureOutcome, WireStored};
use crate::run::cancel::Cancel;

/// How often the client is told at most how far a file has come.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// Measures the files and tells each as it is done. The client counts them, so nothing follows the last.
pub(super) fn serve(
    (storage, keys, cancel): (&dyn Storage, &Keys, &Cancel),
    exchange: &mut Exchange,
    files: &[WireStored],
) -> Served<()> {
    if files.len() > MOST_MEASURED {
        let text = format!("more than {MOST_MEASURED} files are to be measured at once");
        return Err(Error::new(ErrorCode::Protocol, text).into());
    }
    let files = files.iter().map(|file| with_key(file, keys));
    let files = files.collect::<Result<Vec<_>>>()?;
    let files: Vec<&StoredFile> = files.iter().collect();
    let reading = Reading {
        cancel,
        buffers: &Buffers::default(),
        buffer_size: BUFFER,
    };
    let (mut untold, mut last) = (0, Instant::now());
    local::measure(storage, reading, &files, &mut |told| {
        let outcome = match told {
            Told::Read(bytes) => {
                untold += bytes;
                if last.elapsed() < TELL_EVERY {
                    return Ok(());
                }
                None
            }
            Told::Done(Ok(measured)) => Some(MeasureOutcome::from(measured)),
            Told::Done(Err(error)) => Some(MeasureOutcome::Failed(*Failure::from(error).0)),
        };
        last = Instant::now();
        let read = std::mem::take(&mut untold);
        let event = MeasureEvent { read, outcome };
        exchange.send(&event).map_err(gone)
    })?;
    Ok(())
}

/// Whoever gave the session up is not read for any longer.
fn gone(error: pgkeep_protocol::Error) -> Error {
    Error::new(ErrorCode::Protocol, error.to_string())
}

fn with_key(file: &WireStored, keys: &Keys) -> Result<StoredFile> {
    let mut file = file.file()?;
    if let Some(unpack) = &mut file.unpack {
        unpack.pass = keys.get(&unpack.key)?;
    }
    Ok(file)
}
