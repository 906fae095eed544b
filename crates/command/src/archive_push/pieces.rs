//! The bytes of a file on their way from the thread that makes them to the one that stores them.
//!
//! Invariant: the end is said. A channel also closes when the thread at its other end dies; that must never look like the
//! end of the file, or half a segment would get the name of a whole one.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};

use pgkeep_pipeline::{Sha1, Sha1Digest};

use super::target::panicked;
use crate::error::{Error, ErrorCode, Result};

pub(super) type Piece = Result<Arc<Vec<u8>>>;

enum Message {
    Piece(Arc<Vec<u8>>),
    Failed(Error),
    /// All came; the checksum of the plain bytes where they were read a second time for it.
    End(Option<Sha1Digest>),
}

/// Nobody takes them any more: whoever does not listen has found an error already, and that one is reported.
#[derive(Debug)]
pub(super) struct Unwanted;

/// The sending side.
pub(super) struct Give(SyncSender<Message>);

impl Give {
    pub(super) fn piece(&self, piece: Arc<Vec<u8>>) -> std::result::Result<(), Unwanted> {
        self.0.send(Message::Piece(piece)).map_err(|_| Unwanted)
    }

    /// Says that the file has ended, or why it cannot be had whole.
    pub(super) fn end(self, result: Result<Option<Sha1Digest>>) {
        let last = match result {
            Ok(read_again) => Message::End(read_again),
            Err(error) => Message::Failed(error),
        };
        let _ = self.0.send(last);
    }
}

/// The receiving side: yields what comes, and an error unless the end was said.
pub(super) struct Take {
    from: Receiver<Message>,
    ended: bool,
    read_again: Option<Sha1Digest>,
}

/// `waiting`: pieces that may wait.
pub(super) fn channel(waiting: usize) -> (Give, Take) {
    let (give, from) = mpsc::sync_channel(waiting);
    let take = Take {
        from,
        ended: false,
        read_again: None,
    };
    (Give(give), take)
}

impl Take {
    /// The same, and an error at the end if the file was read a second time and was another one then.
    pub(super) fn of(self, shown: &str, checksum: Sha1Digest) -> impl Iterator<Item = Piece> {
        let mut this = self;
        let mut told = false;
        let shown = shown.to_owned();
        std::iter::from_fn(move || {
            let piece = this.next();
            if piece.is_none() && !std::mem::replace(&mut told, true) {
                let same = this.read_again.is_none_or(|again| again == checksum);
                return (!same).then(|| Err(changed(&shown)));
            }
            piece
        })
    }
}

impl Iterator for Take {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.ended {
            return None;
        }
        let (ended, next) = match self.from.recv() {
            Ok(Message::Piece(piece)) => (false, Some(Ok(piece))),
            Ok(Message::Failed(error)) => (true, Some(Err(error))),
            Ok(Message::End(read_again)) => {
                self.read_again = read_again;
                (true, None)
            }
            Err(_) => (true, Some(Err(panicked()))),
        };
        self.ended = ended;
        next
    }
}

/// A file that was hashed, and is being read once more to be stored under that checksum.
pub(super) struct ReadAgain<I> {
    pieces: I,
    sha1: Sha1,
}

impl<I: Iterator<Item = Piece>> ReadAgain<I> {
    pub(super) fn of(pieces: I) -> Self {
        Self {
            pieces,
            sha1: Sha1::new(),
        }
    }

    /// The checksum of all that was yielded.
    pub(super) fn checksum(self) -> Sha1Digest {
        self.sha1.finish()
    }
}

impl<I: Iterator<Item = Piece>> Iterator for ReadAgain<I> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let piece = self.pieces.next()?;
        if let Ok(piece) = &piece {
            self.sha1.update(piece);
        }
        Some(piece)
    }
}

/// The error of a file that is not what its checksum was taken of.
pub(super) fn changed(shown: &str) -> Error {
    Error::new(
        ErrorCode::Checksum,
        format!("'{shown}' changed while it was pushed"),
    )
    .with_hint("it is pushed again when PostgreSQL calls archive_command the next time.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece() -> Arc<Vec<u8>> {
        Arc::new(b"half".to_vec())
    }

    #[test]
    fn a_sender_that_dies_is_an_error_and_no_end() {
        let (give, take) = channel(4);
        std::thread::spawn(move || {
            give.piece(piece()).unwrap();
            panic!("the thread dies, as the test wants");
        })
        .join()
        .unwrap_err();
        let mut pieces = take.of("/pg_wal/1", Sha1Digest::of(b"half"));
        assert_eq!(*pieces.next().unwrap().unwrap(), b"half");
        assert_eq!(pieces.next().unwrap().unwrap_err().code, ErrorCode::Assert);
        assert!(pieces.next().is_none());
    }

    #[test]
    fn an_end_that_was_said_is_the_end() {
        for read_again in [None, Some(Sha1Digest::of(b"half"))] {
            let (give, take) = channel(4);
            give.piece(piece()).unwrap();
            give.end(Ok(read_again));
            let mut pieces = take.of("/pg_wal/1", Sha1Digest::of(b"half"));
            assert!(pieces.next().unwrap().is_ok() && pieces.next().is_none());
            assert!(pieces.next().is_none());
        }
    }

    #[test]
    fn a_file_that_was_another_one_when_it_was_read_again_is_an_error() {
        let (give, take) = channel(4);
        let mut again = ReadAgain::of([Ok(piece()), Ok(piece())].into_iter());
        for piece in again.by_ref() {
            give.piece(piece.unwrap()).unwrap();
        }
        give.end(Ok(Some(again.checksum())));
        let mut pieces = take.of("/pg_wal/1", Sha1Digest::of(b"halfHALF"));
        assert!(pieces.next().unwrap().is_ok() && pieces.next().unwrap().is_ok());
        let error = pieces.next().unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Checksum);
        assert!(pieces.next().is_none());
    }
}
