//! What the task of a file does with the pieces that it gets.

use super::fail::Fail;
use super::piece::Piece;
use super::upload::{Sent, Upload};
use crate::sftp::engine::chunk::Chunk;

impl Upload {
    pub(super) fn take_piece(&mut self, piece: Option<Piece>) -> Result<(), Fail> {
        let last = match piece {
            Some(Piece::Data(chunk)) => {
                self.add(chunk);
                return Ok(());
            }
            Some(Piece::Staged(last)) => last,
            Some(Piece::Last(last)) => {
                self.finished = true;
                last
            }
            None => return Err(Fail::Dropped),
        };
        if let Some(chunk) = last {
            self.add(chunk);
        }
        self.ended = true;
        Ok(())
    }

    /// A staged file waits here for its name.
    pub(super) async fn wait_for_finish(&mut self) -> Result<(), Fail> {
        if !self.finished {
            // Its bytes are stored, and the file it waits for may need the room to be tried again.
            self.pool.retry_limit.stored(self.again.take());
        }
        while !self.finished {
            match self.pieces.recv().await {
                Some(Piece::Last(None)) => self.finished = true,
                // Nothing is written to a staged file.
                Some(_) | None => return Err(Fail::Dropped),
            }
        }
        Ok(())
    }

    fn add(&mut self, chunk: Chunk) {
        self.total = chunk.end();
        if let Some(ahead) = &mut self.ahead {
            ahead.done(chunk.length);
        }
        self.chunks.push_back((chunk, Sent::Not));
    }
}
