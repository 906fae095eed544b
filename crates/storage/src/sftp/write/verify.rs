//! Reads back what was written and compares.
//!
//! Used after a lost connection (what was acknowledged but not synced counts as not written until it has been seen
//! again) and where a server cannot fsync.

use std::sync::Arc;

use tokio::sync::mpsc;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::fail::Fail;
use crate::sftp::engine::channel::Channel;
use crate::sftp::protocol::message::{Request, Response};
use crate::sftp::protocol::status::Status;
use crate::{Error, ErrorKind, Operation};

/// A piece of the file as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) offset: u64,
    pub(super) length: usize,
    hash: u128,
}

impl Expected {
    pub(super) fn of(offset: u64, data: &[u8]) -> Self {
        Self {
            offset,
            length: data.len(),
            hash: xxh3_128(data),
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.offset + self.length as u64
    }
}

/// Reads every piece through `handle`; a difference is an error that names the file. `right` is told how many pieces, in
/// their order, have been found right so far.
pub(super) async fn read_back(
    channel: &Arc<Channel>,
    handle: &[u8],
    object: &str,
    pieces: &[Expected],
    mut right: impl FnMut(usize),
) -> Result<(), Fail> {
    const UNDER_WAY: usize = 8;
    let (sender, mut answers) = mpsc::unbounded_channel();
    let mut hashing: Vec<(Xxh3, usize)> = pieces.iter().map(|_| (Xxh3::new(), 0)).collect();
    let mut next = 0;
    let mut done = 0;
    let (mut found, mut in_order) = (vec![false; pieces.len()], 0);
    let ask = |index: usize, got: usize| {
        let piece = &pieces[index];
        let length = (piece.length - got).min(channel.server().read_size);
        let mut batch = channel.batch();
        batch.ask_tagged(
            &Request::Read {
                handle,
                offset: piece.offset + got as u64,
                length: u32::try_from(length).expect("a request is at most 255 KiB"),
            },
            &sender,
            index as u64,
        );
        batch.send();
    };
    while done < pieces.len() {
        while next < pieces.len() && next - done < UNDER_WAY {
            ask(next, 0);
            next += 1;
        }
        let (tag, answer) = answers.recv().await.expect("this function holds a sender");
        let index = usize::try_from(tag).expect("tags are indexes");
        let different = || {
            Fail::Error(Error::new(
                ErrorKind::Broken,
                Operation::Write,
                object,
                "read back differs from what was written",
            ))
        };
        match answer.map_err(Fail::Lost)? {
            Response::Data(data) if !data.is_empty() => {
                let (hash, got) = &mut hashing[index];
                hash.update(&data);
                *got += data.len();
                match (*got).cmp(&pieces[index].length) {
                    std::cmp::Ordering::Less => ask(index, *got),
                    std::cmp::Ordering::Equal if hash.digest128() == pieces[index].hash => {
                        done += 1;
                        found[index] = true;
                        while found.get(in_order) == Some(&true) {
                            in_order += 1;
                        }
                        right(in_order);
                    }
                    _ => return Err(different()),
                }
            }
            Response::Status(Status {
                code: Status::EOF, ..
            })
            | Response::Data(_) => return Err(different()),
            other => {
                return Err(Fail::Error(crate::sftp::engine::pool::unexpected(
                    Operation::Read,
                    object,
                    &other,
                )));
            }
        }
    }
    Ok(())
}
