//! Files on their way to the server.
//!
//! The caller's half copies bytes into chunks and waits only for the byte budget. The other half is one task for
//! each file ([`upload`]): it opens, writes with many requests under way, syncs and publishes ([`publish`]), and
//! survives lost connections. The ticket resolves when that task is done.

mod account;
mod begin;
mod copy_prefix;
mod fail;
mod link;
mod pace;
mod piece;
mod publish;
mod pump;
mod receive;
mod stale;
mod upload;
mod verify;

use std::io::Write;
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::add_only;
use super::engine::chunk::{Chunk, Filling};
use super::engine::pool::Pool;
use super::place::Place;
use crate::{Error, Operation, Result, StorageWrite, Ticket, WriteOptions};
use piece::{Failed, Piece};
pub(crate) use stale::remove_unsettled;

/// One file being written.
pub(crate) struct SftpWrite {
    pool: Arc<Pool>,
    filling: Option<Filling>,
    offset: u64,
    chunk_size: usize,
    pieces: Option<mpsc::UnboundedSender<Piece>>,
    failed: Failed,
    ticket: Option<Ticket>,
    /// Closed by the task when it has cleaned up.
    gone: std_mpsc::Receiver<()>,
}

impl std::fmt::Debug for SftpWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SftpWrite(at {})", self.offset)
    }
}

/// Begins a file. Waits for the server only to learn whether a parent is missing, where none is to be made.
pub(crate) fn open(
    pool: &Arc<Pool>,
    runtime: &tokio::runtime::Handle,
    place: Place,
    options: &WriteOptions,
) -> Result<SftpWrite> {
    let channel = runtime.block_on(pool.channel())?;
    add_only::check(pool, &channel, Operation::OpenWrite, &place)?;
    let chunk_size = channel.server().write_size;
    let (sender, pieces) = mpsc::unbounded_channel();
    let (resolver, ticket) = Ticket::pending();
    let (leaving, gone) = std_mpsc::channel();
    let (opened_sender, opened) = oneshot::channel();
    let failed: Failed = Arc::default();
    let upload = upload::Upload::new(
        Arc::clone(pool),
        place,
        options.clone(),
        pieces,
        opened_sender,
    );
    let slot = Arc::clone(&failed);
    runtime.spawn(async move {
        let result = upload.run(&slot).await;
        if let Err(error) = &result {
            slot.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| error.clone());
        }
        drop(leaving);
        resolver.resolve(result);
    });
    if !options.create_path || !options.truncate {
        runtime.block_on(opened).unwrap_or(Ok(()))?;
    }
    Ok(SftpWrite {
        pool: Arc::clone(pool),
        filling: None,
        offset: 0,
        chunk_size,
        pieces: Some(sender),
        failed,
        ticket: Some(ticket),
        gone,
    })
}

impl SftpWrite {
    /// Gives the chunk a place in the budget; may wait for the server to acknowledge older ones.
    fn chunk(&mut self) -> Option<Chunk> {
        let filling = self.filling.take()?;
        let permit = self.pool.budget.acquire(filling.len());
        let chunk = filling.into_chunk(self.offset, permit);
        self.offset = chunk.end();
        Some(chunk)
    }

    fn send(&self, piece: Piece) -> std::io::Result<()> {
        let sent = self
            .pieces
            .as_ref()
            .is_some_and(|pieces| pieces.send(piece).is_ok());
        let error = self
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match error {
            Some(error) => Err(error.into_io()),
            None if sent => Ok(()),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Write for SftpWrite {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let size = self.chunk_size;
        let filling = self
            .filling
            .get_or_insert_with(|| Filling::new(bytes.len().min(size)));
        let taken = bytes.len().min(size - filling.len());
        filling.push(&bytes[..taken]);
        if filling.len() == size
            && let Some(chunk) = self.chunk()
        {
            self.send(Piece::Data(chunk))?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl StorageWrite for SftpWrite {
    fn stage(&mut self) -> Result<()> {
        let last = self.chunk();
        self.send(Piece::Staged(last))
            .map_err(|error| Error::from_stream(Operation::Write, "", error))
    }

    fn finish(mut self: Box<Self>) -> Result<Ticket> {
        let last = self.chunk();
        // An error of the task comes out of the ticket.
        let _ = self.send(Piece::Last(last));
        self.pieces = None;
        Ok(self.ticket.take().expect("a file is finished once"))
    }
}

impl Drop for SftpWrite {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.pieces = None;
            // The temporary file must be gone when the caller goes on.
            let _ = self.gone.recv_timeout(self.pool.settings.io_timeout);
        }
    }
}
