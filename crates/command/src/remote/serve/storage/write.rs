//! A file that a client writes into the repository.
//!
//! The client says the end and the number of bytes. Whatever else ends the session drops the writer, which leaves nothing.

use pgkeep_pipeline::Pipeline;
use pgkeep_protocol::Exchange;
use pgkeep_storage::{
    Error as StorageError, Operation, Storage, StoragePath, Ticket, WriteOptions,
};

use crate::error::{Error, ErrorCode};
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::storage::AmongBytes;

/// How the client ended the file.
pub(super) enum Ended {
    Finished(Ticket),
    /// Nothing is left of it.
    GivenUp,
}

/// Bytes that may gather between two stages.
const BUFFER: usize = 256 * 1024;

/// Takes the file in, through a pipeline; the ticket is that of the storage.
pub(super) fn serve(
    storage: &dyn Storage,
    exchange: &mut Exchange,
    (path, options): (&StoragePath, &WriteOptions),
    pipeline: Pipeline,
) -> Served<Ended> {
    let mut running = pipeline.start(BUFFER);
    let mut write = storage.open_write(path, options)?;
    let failed = |error: std::io::Error| match pgkeep_pipeline::Error::from_io(&error) {
        Some(stage) => Failure::from(Error::from(stage.clone())),
        None => StorageError::from_stream(Operation::Write, storage.display(path), error).into(),
    };
    let mut size = 0;
    loop {
        while let Some(chunk) = exchange.next_chunk()? {
            size += chunk.len() as u64;
            running.push_into(&chunk, &mut write).map_err(failed)?;
        }
        match exchange.receive_next::<AmongBytes>()? {
            // What a cipher still holds comes with the end.
            Some(AmongBytes::Stage {}) => write.stage()?,
            Some(AmongBytes::GiveUp {}) => {
                drop(write);
                return Ok(Ended::GivenUp);
            }
            Some(AmongBytes::Finish { size: said }) if said == size => {
                running.finish_into(&mut write).map_err(failed)?;
                return Ok(Ended::Finished(write.finish()?));
            }
            // Half a file must never get the name of a whole one.
            Some(AmongBytes::Finish { .. }) | None => {
                let shown = storage.display(path);
                return Err(Error::new(
                    ErrorCode::Protocol,
                    format!("'{shown}' was not sent to its end"),
                )
                .into());
            }
        }
    }
}
