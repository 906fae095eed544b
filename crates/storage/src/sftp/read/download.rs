//! The task of one file: opens it, puts the answers in order, and goes on after a lost connection.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::delivery::Delivery;
use crate::budget::Permit;
use crate::sftp::engine::channel::{Answer, Channel, Lost};
use crate::sftp::engine::pool::{Ahead, Pool, unexpected};
use crate::sftp::place::Place;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::sftp::protocol::status::Status;
use crate::{Error, ErrorKind, Operation, Range, Result};

/// What must be left of a file to open it on another connection too.
const WORTH_A_STREAM: u64 = 8 << 20;

/// One request and what it has brought so far.
pub(super) struct Slot {
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) got: Vec<Bytes>,
    pub(super) received: usize,
    /// Stream it was sent on; `None`: to be sent (again).
    pub(super) stream: Option<usize>,
    pub(super) done: bool,
    pub(super) permit: Option<Permit>,
    pub(super) under_way: Option<OwnedSemaphorePermit>,
}

pub(super) struct Stream {
    pub(super) channel: Arc<Channel>,
    pub(super) handle: Bytes,
    pub(super) under_way: usize,
}

pub(super) struct Download {
    pub(super) pool: Arc<Pool>,
    pub(super) place: Place,
    pub(super) object: String,
    pub(super) plan: VecDeque<Range>,
    pub(super) window: VecDeque<Slot>,
    /// Number of the first slot in the window.
    pub(super) first: u64,
    pub(super) known: Option<Attributes>,
    pub(super) opened: Option<oneshot::Sender<Result<()>>>,
    pub(super) ahead: Option<Ahead>,
}

pub(super) enum Fail {
    Lost(Lost),
    Error(Error),
    /// Nobody reads any more.
    Abandoned,
}

impl From<Lost> for Fail {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(super) const TAG_LANE: u64 = u64::MAX;

impl Download {
    /// `opened` is told when the file is open, or why not.
    pub(super) fn of(
        pool: &Arc<Pool>,
        place: Place,
        plan: Vec<Range>,
        opened: oneshot::Sender<Result<()>>,
    ) -> Self {
        Self {
            pool: Arc::clone(pool),
            object: place.text(),
            place,
            plan: plan.into(),
            window: VecDeque::new(),
            first: 0,
            known: None,
            opened: Some(opened),
            ahead: None,
        }
    }

    pub(super) async fn run(mut self, to: &mpsc::Sender<Delivery>) -> Result<()> {
        let mut retry = self.pool.retry();
        let mut reached = 0;
        loop {
            let mut streams = Vec::new();
            let result = self.attempt(&mut streams, to).await;
            for stream in &streams {
                let mut batch = stream.channel.batch();
                batch.tell(&Request::Close {
                    handle: &stream.handle,
                });
                batch.send();
            }
            let error = match result {
                Ok(()) | Err(Fail::Abandoned) => return Ok(()),
                Err(Fail::Error(error)) => error,
                Err(Fail::Lost(lost)) => {
                    if self.first > reached {
                        reached = self.first;
                        retry.progress();
                    }
                    for slot in &mut self.window {
                        slot.stream = None;
                        slot.under_way = None;
                    }
                    match retry.lost(&lost, Operation::Read, &self.object).await {
                        Ok(()) => continue,
                        Err(error) => error,
                    }
                }
            };
            return match self.opened.take() {
                Some(opened) => {
                    // Whoever opens lazily finds it at the first read.
                    let _ = opened.send(Err(error.clone()));
                    Err(error)
                }
                None => Err(error),
            };
        }
    }

    async fn attempt(
        &mut self,
        streams: &mut Vec<Stream>,
        to: &mpsc::Sender<Delivery>,
    ) -> std::result::Result<(), Fail> {
        let channel = self.pool.channel().await?;
        let handle = self.open(&channel).await?;
        streams.push(Stream {
            channel,
            handle,
            under_way: 0,
        });
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(Ok(()));
        }
        let (sender, mut answers) = mpsc::unbounded_channel();
        let mut opening: Option<Arc<Channel>> = None;
        loop {
            let starved = self.fill(streams, &sender, to.capacity() == 0);
            if opening.is_none() && self.left() >= WORTH_A_STREAM {
                opening = self.open_stream(streams, &sender);
            }
            let ready = self.window.front().is_some_and(|slot| slot.done);
            let under_way: usize = streams.iter().map(|stream| stream.under_way).sum();
            if !ready && under_way == 0 && self.window.is_empty() && self.plan.is_empty() {
                return Ok(());
            }
            let reads = Arc::clone(&streams[0].channel.reads);
            let wanted = starved.unwrap_or(1);
            tokio::select! {
                answer = answers.recv(), if under_way > 0 || opening.is_some() => {
                    let (tag, answer) = answer.expect("this function holds a sender");
                    if tag == TAG_LANE {
                        match (answer, opening.take()) {
                            (Ok(Response::Handle(handle)), Some(channel)) => streams.push(Stream { channel, handle, under_way: 0 }),
                            (answer, _) => log::debug!("no further stream for '{}': {answer:?}", self.object),
                        }
                    } else {
                        self.take_answer(tag, answer, streams)?;
                    }
                }
                room = to.reserve(), if ready => {
                    let Ok(room) = room else { return Err(Fail::Abandoned) };
                    let slot = self.window.pop_front().expect("the front is ready");
                    self.first += 1;
                    if let Some(ahead) = &mut self.ahead {
                        ahead.done(slot.length);
                    }
                    room.send(Delivery::Piece(slot.got, slot.permit));
                }
                permit = reads.acquire_many_owned(wanted), if starved.is_some() && under_way == 0 => {
                    // Other files use the connection: take our turn with one request.
                    self.send_one(streams, &sender, permit.ok());
                }
                () = to.closed() => return Err(Fail::Abandoned),
            }
        }
    }

    async fn open(&mut self, channel: &Arc<Channel>) -> std::result::Result<Bytes, Fail> {
        let mut batch = channel.batch();
        let opened = batch.ask(&Request::Open {
            path: &self.place.bytes,
            flags: open::READ,
            attributes: Attributes::default(),
        });
        // Costs no round trip, and tells how many requests there will be.
        let found = batch.ask(&Request::Stat {
            path: &self.place.bytes,
        });
        batch.send();
        let opened = opened.wait().await?;
        let found = match found.wait().await? {
            Response::Attributes(attributes) => Some(attributes),
            _ => None,
        };
        let handle = match opened {
            Response::Handle(handle) => handle,
            other => return Err(unexpected(Operation::OpenRead, &self.object, &other).into()),
        };
        match (&self.known, found) {
            (Some(known), Some(found))
                if known.size != found.size
                    || known.times.map(|t| t.1) != found.times.map(|t| t.1) =>
            {
                let reason = "the file was replaced while it was read";
                return Err(
                    Error::new(ErrorKind::Broken, Operation::Read, &self.object, reason).into(),
                );
            }
            (None, Some(found)) => {
                self.known = Some(found);
                if let Some(size) = found.size {
                    self.bound(size);
                }
                self.ahead = Some(self.pool.expect(self.left()));
            }
            _ => {}
        }
        Ok(handle)
    }

    /// Cuts the ranges off at the end of the file.
    fn bound(&mut self, size: u64) {
        // A size of 0 may be a lie (files under /proc): ask.
        for range in self.plan.iter_mut().filter(|_| size > 0) {
            let most = size.saturating_sub(range.offset);
            range.length = Some(range.length.map_or(most, |length| length.min(most)));
        }
        self.plan.retain(|range| range.length != Some(0));
    }

    fn left(&self) -> u64 {
        self.plan
            .iter()
            .map(|range| range.length.unwrap_or(0))
            .fold(0, u64::saturating_add)
    }

    fn take_answer(
        &mut self,
        tag: u64,
        answer: Answer,
        streams: &mut [Stream],
    ) -> std::result::Result<(), Fail> {
        let index = usize::try_from(tag - self.first).expect("a window is short");
        let Some(slot) = self.window.get_mut(index) else {
            return Ok(());
        };
        if let Some(stream) = slot
            .stream
            .take()
            .and_then(|stream| streams.get_mut(stream))
        {
            stream.under_way -= 1;
        }
        slot.under_way = None;
        match answer? {
            Response::Data(data)
                if !data.is_empty() && data.len() <= slot.length - slot.received =>
            {
                slot.received += data.len();
                slot.got.push(data);
                // A short answer is allowed: the rest is asked for again, in its place.
                slot.done = slot.received == slot.length;
            }
            Response::Status(Status {
                code: Status::EOF, ..
            }) => {
                slot.done = true;
                // Nothing is behind the end; a later range of this file ends here too.
                let end = slot.offset + slot.received as u64;
                for range in &mut self.plan {
                    range.length = Some(
                        range
                            .length
                            .unwrap_or(u64::MAX)
                            .min(end.saturating_sub(range.offset)),
                    );
                }
                self.plan.retain(|range| range.length != Some(0));
            }
            other => return Err(unexpected(Operation::Read, &self.object, &other).into()),
        }
        Ok(())
    }
}
