//! Sends the chunks of a file, and takes the answers.
//!
//! They go out over one stream (an open handle on a channel), or over several where the server takes writes in any order.
//! What follows the last write travels with it, as long as there is one stream.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::fail::Fail;
use super::pace::UNDER_WAY;
use super::upload::{Sent, Stream, Upload};
use crate::sftp::engine::channel::{Answer, Batch, Channel};
use crate::sftp::engine::pool::unexpected;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::{Error, ErrorKind, Operation};

/// Lanes of one file.
const MOST_STREAMS: usize = 8;

const TAG_CLOSE: u64 = u64::MAX;
const TAG_SYNC: u64 = u64::MAX - 1;
const TAG_SET: u64 = u64::MAX - 2;
const TAG_SIZE: u64 = u64::MAX - 3;
const TAG_PART_SYNC: u64 = u64::MAX - 4;
const TAG_LANE: u64 = u64::MAX - 5;

impl Upload {
    /// Sends chunks as they come until the file has ended and everything is acknowledged.
    pub(super) async fn pump(&mut self, streams: &mut Vec<Stream>) -> Result<(), Fail> {
        let (sender, mut answers) = mpsc::unbounded_channel();
        let mut opening: Option<Arc<Channel>> = None;
        let mut last_asked = 0;
        let mut last_sent = false;
        loop {
            self.send_chunks(streams, &sender, &mut last_asked, &mut last_sent);
            if self.next < self.chunks.len() && opening.is_none() {
                opening = self.open_stream(streams, &sender);
            }
            let under_way: usize = streams.iter().map(|stream| stream.under_way).sum();
            if self.ended && self.next == self.chunks.len() && under_way == 0 && !last_sent {
                // Several streams: the last requests go out when every write is acknowledged.
                last_asked += self.send_last(&streams[0], &sender, None);
                last_sent = true;
            }
            if last_sent
                && last_asked == 0
                && under_way == 0
                && self.part_sync.is_none()
                && opening.is_none()
            {
                return Ok(());
            }
            let room = self.chunks.len() - self.next < UNDER_WAY;
            tokio::select! {
                answer = answers.recv() => {
                    let (tag, answer) = answer.expect("this function holds a sender");
                    self.take_answer(tag, answer, streams, &mut opening, &mut last_asked)?;
                }
                piece = self.pieces.recv(), if !self.ended && room => self.take_piece(piece)?,
            }
        }
    }

    fn send_chunks(
        &mut self,
        streams: &mut [Stream],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        last_asked: &mut usize,
        last_sent: &mut bool,
    ) {
        while self.next < self.chunks.len() {
            let index = (0..streams.len())
                .min_by_key(|&index| streams[index].under_way)
                .expect("a file has a stream");
            let single = streams.len() == 1;
            if streams[index].under_way >= self.pace.under_way {
                return;
            }
            streams[index].under_way += 1;
            let stream = &streams[index];
            let mut batch = stream.channel.batch();
            let (chunk, sent) = &mut self.chunks[self.next];
            batch.write(chunk, &stream.handle, sender);
            *sent = Sent::UnderWay(index);
            self.next += 1;
            if self.ended && self.next == self.chunks.len() && single {
                *last_asked += self.send_last(stream, sender, Some(batch));
                *last_sent = true;
            } else {
                batch.send();
            }
        }
        let acknowledged = self.acknowledged();
        if self.options.sync
            && self.part_sync.is_none()
            && !*last_sent
            && acknowledged >= self.since_sync + self.pace.sync_every
        {
            let stream = &streams[0];
            if stream.channel.server().fsync {
                let mut batch = stream.channel.batch();
                batch.ask_tagged(
                    &Request::Fsync {
                        handle: &stream.handle,
                    },
                    sender,
                    TAG_PART_SYNC,
                );
                batch.send();
                self.part_sync = Some(acknowledged);
            }
        }
    }

    /// What follows the last write: times, sync, and for a file in place CLOSE. Returns the number of answers to come.
    fn send_last<'c>(
        &self,
        stream: &'c Stream,
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        batch: Option<Batch<'c>>,
    ) -> usize {
        let mut batch = batch.unwrap_or_else(|| stream.channel.batch());
        let handle: &[u8] = &stream.handle;
        let mut count = 0;
        if let Some(modified) = self.options.modified {
            let time = u32::try_from(modified).unwrap_or(0);
            let attributes = Attributes {
                times: Some((time, time)),
                ..Attributes::default()
            };
            batch.ask_tagged(&Request::Fsetstat { handle, attributes }, sender, TAG_SET);
            count += 1;
        }
        if stream.channel.server().fsync {
            if self.options.sync {
                batch.ask_tagged(&Request::Fsync { handle }, sender, TAG_SYNC);
                count += 1;
            }
        } else {
            batch.ask_tagged(&Request::Fstat { handle }, sender, TAG_SIZE);
            count += 1;
        }
        if !self.closes_last(&stream.channel) {
            batch.ask_tagged(&Request::Close { handle }, sender, TAG_CLOSE);
            count += 1;
        }
        batch.send();
        count
    }

    /// Asks for another stream where that helps and is allowed.
    fn open_stream(
        &self,
        streams: &[Stream],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
    ) -> Option<Arc<Channel>> {
        let first = &streams[0].channel;
        self.pool.consider_growth(first);
        // A file that nobody may write cannot be opened a second time.
        if !first.any_order || self.closed || streams.len() >= MOST_STREAMS || self.ended {
            return None;
        }
        let used: Vec<&Arc<Channel>> = streams.iter().map(|stream| &stream.channel).collect();
        let channel = self.pool.idlest(&used)?;
        channel
            .open_beside(&self.name, open::WRITE, sender, TAG_LANE)
            .then_some(channel)
    }

    fn take_answer(
        &mut self,
        tag: u64,
        answer: Answer,
        streams: &mut Vec<Stream>,
        opening: &mut Option<Arc<Channel>>,
        last_asked: &mut usize,
    ) -> Result<(), Fail> {
        if tag == TAG_LANE {
            let channel = opening.take();
            match (answer, channel) {
                (Ok(Response::Handle(handle)), Some(channel)) => streams.push(Stream {
                    channel,
                    handle,
                    under_way: 0,
                }),
                // The file can be written without it.
                (answer, _) => log::debug!("no further stream for '{}': {answer:?}", self.object),
            }
            return Ok(());
        }
        let response = answer?;
        let operation = match tag {
            TAG_PART_SYNC => {
                if response == Response::Ok
                    && let Some(upto) = self.part_sync.take()
                {
                    self.since_sync = upto;
                    self.pace.synced();
                    self.unsynced.retain(|piece| piece.end() > upto);
                    return Ok(());
                }
                Operation::Sync
            }
            TAG_SIZE => {
                *last_asked -= 1;
                match response {
                    Response::Attributes(attributes)
                        if attributes.size.is_none_or(|size| size == self.total) =>
                    {
                        return Ok(());
                    }
                    Response::Attributes(attributes) => {
                        let reason = format!(
                            "the server has {} bytes of {}",
                            attributes.size.unwrap_or(0),
                            self.total
                        );
                        return Err(Error::new(
                            ErrorKind::Broken,
                            Operation::Write,
                            &self.object,
                            reason,
                        )
                        .into());
                    }
                    other => return Err(unexpected(Operation::Write, &self.object, &other).into()),
                }
            }
            TAG_CLOSE | TAG_SYNC | TAG_SET => {
                *last_asked -= 1;
                match tag {
                    TAG_CLOSE => Operation::Close,
                    TAG_SYNC => Operation::Sync,
                    _ => Operation::SetTime,
                }
            }
            offset => {
                self.acknowledge(offset, streams);
                Operation::Write
            }
        };
        if response == Response::Ok {
            Ok(())
        } else {
            Err(unexpected(operation, &self.object, &response).into())
        }
    }
}
