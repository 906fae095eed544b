//! A file that a client writes into the repository.
//!
//! The client says the end and the number of bytes. Whatever else ends the session drops the writer, which leaves nothing.

use std::io::Write;

use pgkeep_protocol::Exchange;
use pgkeep_storage::{Error as StorageError, Operation, Storage, Ticket};

use super::failure::Served;
use crate::error::{Error, ErrorCode};
use crate::remote::wire::storage::{AmongBytes, OpenWrite};

/// How the client ended the file.
pub(super) enum Ended {
    Finished(Ticket),
    /// Nothing is left of it.
    GivenUp,
}

/// Takes the file in; the ticket is that of the storage.
pub(super) fn serve(
    storage: &dyn Storage,
    exchange: &mut Exchange,
    request: &OpenWrite,
) -> Served<Ended> {
    let path = request.path.path()?;
    let mut write = storage.open_write(&path, &request.options())?;
    let mut size = 0;
    loop {
        while let Some(chunk) = exchange.next_chunk()? {
            size += chunk.len() as u64;
            write.write_all(&chunk).map_err(|error| {
                StorageError::from_stream(Operation::Write, storage.display(&path), error)
            })?;
        }
        match exchange.receive_next::<AmongBytes>()? {
            Some(AmongBytes::Stage {}) => write.stage()?,
            Some(AmongBytes::GiveUp {}) => {
                drop(write);
                return Ok(Ended::GivenUp);
            }
            Some(AmongBytes::Finish { size: said }) if said == size => {
                return Ok(Ended::Finished(write.finish()?));
            }
            // Half a file must never get the name of a whole one.
            Some(AmongBytes::Finish { .. }) | None => {
                let shown = storage.display(&path);
                return Err(Error::new(
                    ErrorCode::Protocol,
                    format!("'{shown}' was not sent to its end"),
                )
                .into());
            }
        }
    }
}
