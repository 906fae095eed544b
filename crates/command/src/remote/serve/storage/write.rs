//! A file that a client writes into the repository.
//!
//! The client says the end and the number of bytes. Whatever else ends the session drops the writer, which leaves nothing.

use pgkeep_pipeline::Pipeline;
use pgkeep_protocol::Exchange;
use pgkeep_storage::{
    Error as StorageError, Operation, Storage, StoragePath, Ticket, WriteOptions,
};

use crate::error::{Error, ErrorCode};
use crate::locks::Turn;
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::storage::AmongBytes;

/// How the client ended the file.
pub(super) enum Ended {
    /// What is kept is kept until the ticket has resolved.
    Finished(Ticket, Option<Turn>),
    /// Nothing is left of it.
    GivenUp,
}

/// Bytes that may gather between two stages.
const BUFFER: usize = 256 * 1024;

/// What is asked before the file gets its name, when all of it is there.
pub(super) type MayFinish<'a> = &'a dyn Fn(&Exchange) -> Served<Option<Turn>>;

/// Takes the file in, through a pipeline; the ticket is that of the storage.
pub(super) fn serve(
    storage: &dyn Storage,
    exchange: &mut Exchange,
    (path, options): (&StoragePath, &WriteOptions),
    pipeline: Pipeline,
    may_finish: MayFinish<'_>,
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
                let turn = may_finish(exchange)?;
                return Ok(Ended::Finished(write.finish()?, turn));
            }
            Some(AmongBytes::Finish { .. }) | None => {
                return Err(not_to_its_end(&storage.display(path)));
            }
        }
    }
}

/// Takes a file of at most `longest` bytes into memory; `None`: the client has given it up.
pub(super) fn take_small(
    exchange: &mut Exchange,
    shown: &str,
    longest: u64,
) -> Served<Option<Vec<u8>>> {
    let mut text = Vec::new();
    loop {
        while let Some(chunk) = exchange.next_chunk()? {
            text.extend(chunk);
            if text.len() as u64 > longest {
                let error = format!("'{shown}' is too large for what is stored under that name");
                return Err(Error::new(ErrorCode::Protocol, error).into());
            }
        }
        match exchange.receive_next::<AmongBytes>()? {
            Some(AmongBytes::Stage {}) => {}
            Some(AmongBytes::GiveUp {}) => return Ok(None),
            Some(AmongBytes::Finish { size }) if size == text.len() as u64 => {
                return Ok(Some(text));
            }
            Some(AmongBytes::Finish { .. }) | None => return Err(not_to_its_end(shown)),
        }
    }
}

/// Half a file must never count as a whole one.
fn not_to_its_end(shown: &str) -> Failure {
    let text = format!("'{shown}' was not sent to its end");
    Error::new(ErrorCode::Protocol, text).into()
}
