//! A cut upload begun anew, where what was written cannot be opened again: the new temporary file gets what the old one has.
//!
//! The bytes have left this memory by then. The server copies them itself where it can, else they are read and written again.
//! Either way what was not known to be on the disks of the server is compared with what was sent.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::fail::Fail;
use super::upload::{Stream, Upload};
use super::verify::{Expected, read_back};
use crate::sftp::engine::channel::Channel;
use crate::sftp::engine::chunk::Filling;
use crate::sftp::engine::pool::unexpected;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::{Error, ErrorKind, Operation};

/// Bytes that the server copies with one request: it answers nothing else meanwhile.
const COPY: u64 = 64 << 20;
/// Pieces of at most 255 KiB that are read, and then written, together.
const TOGETHER: usize = 8;

impl Upload {
    pub(super) async fn copy_prefix(&mut self, stream: &Stream) -> Result<(), Fail> {
        let (channel, to) = (&stream.channel, &stream.handle[..]);
        let request = Request::Open {
            path: &self.source,
            flags: open::READ,
            attributes: Attributes::default(),
        };
        let from = match channel.ask(&request).wait().await? {
            Response::Handle(handle) => handle,
            other => return Err(unexpected(Operation::OpenRead, &self.object, &other).into()),
        };
        let copied = if channel.server().copy_data {
            self.copy_there(channel, &from, to).await
        } else {
            self.copy_over_network(channel, &from, to).await
        };
        let mut batch = channel.batch();
        batch.tell(&Request::Close { handle: &from });
        batch.send();
        copied?;
        if channel.server().fsync {
            match channel.ask(&Request::Fsync { handle: to }).wait().await? {
                Response::Ok => {}
                other => return Err(unexpected(Operation::Sync, &self.object, &other).into()),
            }
            // The rest was safe in the old file, from which the server has copied it.
            let doubtful: Vec<Expected> = self.unsynced.iter().copied().collect();
            read_back(channel, to, &self.object, &doubtful, |_| ()).await?;
            self.unsynced.clear();
            self.since_sync = self.released;
        } else {
            // All of it is read back before the file gets its name.
            self.unsynced = self.given_up.iter().copied().collect();
        }
        self.source.clone_from(&self.name);
        log::debug!("'{}': going on at {}", self.object, self.released);
        Ok(())
    }

    async fn copy_there(&self, channel: &Arc<Channel>, from: &[u8], to: &[u8]) -> Result<(), Fail> {
        let mut offset = 0;
        while offset < self.released {
            let length = COPY.min(self.released - offset);
            let request = Request::CopyData {
                from,
                offset,
                length,
                to,
            };
            match channel.ask(&request).wait().await? {
                Response::Ok => offset += length,
                other => return Err(unexpected(Operation::Write, &self.object, &other).into()),
            }
        }
        // A source that is too short is copied without a word.
        match channel.ask(&Request::Fstat { handle: to }).wait().await? {
            Response::Attributes(found) if found.size == Some(self.released) => Ok(()),
            Response::Attributes(_) => Err(self.lost_bytes()),
            other => Err(unexpected(Operation::Info, &self.object, &other).into()),
        }
    }

    async fn copy_over_network(
        &self,
        channel: &Arc<Channel>,
        from: &[u8],
        to: &[u8],
    ) -> Result<(), Fail> {
        for pieces in self.given_up.chunks(TOGETHER) {
            let mut read = Vec::with_capacity(pieces.len());
            for piece in pieces {
                read.push(self.read_piece(channel, from, *piece).await?);
            }
            let (sender, mut answers) = mpsc::unbounded_channel();
            for (piece, bytes) in pieces.iter().zip(read) {
                let mut filling = Filling::new(bytes.len());
                filling.push(&bytes);
                // Nobody may wait here: those who hold the budget could wait for this file.
                let permit = self
                    .pool
                    .budget
                    .try_acquire(0)
                    .expect("nothing always fits");
                let mut chunk = filling.into_chunk(piece.offset, permit);
                let mut batch = channel.batch();
                batch.write(&mut chunk, to, &sender);
                batch.send();
            }
            for _ in pieces {
                let (_, answer) = answers.recv().await.expect("this function holds a sender");
                match answer? {
                    Response::Ok => {}
                    other => return Err(unexpected(Operation::Write, &self.object, &other).into()),
                }
            }
        }
        Ok(())
    }

    /// One piece, found to be what was sent.
    async fn read_piece(
        &self,
        channel: &Arc<Channel>,
        from: &[u8],
        piece: Expected,
    ) -> Result<Bytes, Fail> {
        let mut bytes = Vec::with_capacity(piece.length);
        while bytes.len() < piece.length {
            let length = (piece.length - bytes.len()).min(channel.server().read_size);
            let request = Request::Read {
                handle: from,
                offset: piece.offset + bytes.len() as u64,
                length: u32::try_from(length).expect("a request is at most 255 KiB"),
            };
            match channel.ask(&request).wait().await? {
                Response::Data(data) if !data.is_empty() && data.len() <= length => {
                    bytes.extend_from_slice(&data);
                }
                Response::Data(_) | Response::Status(_) => return Err(self.lost_bytes()),
                other => return Err(unexpected(Operation::Read, &self.object, &other).into()),
            }
        }
        if Expected::of(piece.offset, &bytes) == piece {
            Ok(bytes.into())
        } else {
            Err(self.lost_bytes())
        }
    }

    fn lost_bytes(&self) -> Fail {
        let reason = "the server has lost acknowledged bytes after the connection was lost";
        Error::new(ErrorKind::Broken, Operation::Write, &self.object, reason).into()
    }
}
