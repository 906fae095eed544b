//! Files on their way to us, asked for ahead of the reader.
//!
//! One task for each file keeps requests under way (16 on a connection in all: more only piles up in the server),
//! puts the answers in order and hands them over through a bounded queue. After a lost connection it opens the file
//! again, makes sure that it is the same, and asks for what is missing.

mod delivery;
mod download;
mod window;

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::{mpsc, oneshot};

use super::engine::pool::Pool;
use super::place::Place;
use crate::budget::Permit;
use crate::{Range, ReadOptions, Result};
use delivery::Delivery;
use download::Download;

/// Pieces handed over and not yet read.
const HANDED_OVER: usize = 8;

/// The reader's half.
pub(crate) struct SftpRead {
    pieces: mpsc::Receiver<Delivery>,
    current: VecDeque<Bytes>,
    permit: Option<Permit>,
    ended: bool,
}

impl std::fmt::Debug for SftpRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SftpRead")
    }
}

/// Begins to read.
pub(crate) fn open_read(
    pool: &Arc<Pool>,
    runtime: &tokio::runtime::Handle,
    place: Place,
    options: &ReadOptions,
) -> Result<SftpRead> {
    let (sender, pieces) = mpsc::channel(HANDED_OVER);
    let (opened_sender, opened) = oneshot::channel();
    let whole = [Range {
        offset: 0,
        length: None,
    }];
    let ranges = if options.ranges.is_empty() {
        &whole[..]
    } else {
        &options.ranges
    };
    let download = Download::of(pool, place, merged(ranges), opened_sender);
    runtime.spawn(async move {
        let last = match download.run(&sender).await {
            Ok(()) => Delivery::End,
            Err(error) => Delivery::Failed(error),
        };
        // Nobody may be reading any more.
        let _ = sender.send(last).await;
    });
    if !options.lazy_open {
        runtime.block_on(opened).unwrap_or(Ok(()))?;
    }
    Ok(SftpRead {
        pieces,
        current: VecDeque::new(),
        permit: None,
        ended: false,
    })
}

/// Joins ranges where one begins at the end of the one before.
fn merged(ranges: &[Range]) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges.iter().filter(|range| range.length != Some(0)) {
        if let Some(last) = out.last_mut()
            && let Some(length) = last.length
            && last.offset.checked_add(length) == Some(range.offset)
        {
            last.length = range.length.and_then(|more| length.checked_add(more));
            continue;
        }
        out.push(*range);
    }
    out
}

impl Read for SftpRead {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(piece) = self.current.front_mut() {
                let count = piece.len().min(out.len());
                piece.copy_to_slice(&mut out[..count]);
                if piece.is_empty() {
                    self.current.pop_front();
                }
                if count > 0 {
                    return Ok(count);
                }
                continue;
            }
            self.permit = None;
            if self.ended {
                return Ok(0);
            }
            match self.pieces.blocking_recv() {
                Some(Delivery::Piece(pieces, permit)) => {
                    self.current = pieces.into();
                    self.permit = permit;
                }
                Some(Delivery::Failed(error)) => return Err(error.into_io()),
                Some(Delivery::End) => self.ended = true,
                None => return Err(std::io::Error::other("the reading task stopped")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let range = |offset, length| Range { offset, length };
        let ranges = [
            range(0, Some(10)),
            range(10, Some(5)),
            range(20, Some(0)),
            range(20, Some(1)),
            range(21, None),
        ];
        assert_eq!(merged(&ranges), [range(0, Some(15)), range(20, None)]);
        assert_eq!(merged(&[range(5, None), range(0, Some(5))]).len(), 2);
    }
}
