//! The task that stores one file.
//!
//! Chunks go out over one lane (an open handle on a channel), or over several where the server takes writes in any
//! order. Bytes stay in memory until acknowledged. After a lost connection a file that is still wholly in memory is
//! written again under a new temporary name; a longer one goes on behind the contiguous acknowledged prefix, after
//! what was not yet synced of it has been read back and found right.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Failed;
use super::pace::{Pace, UNDER_WAY};
use super::piece::Piece;
use super::verify::{Expected, read_back};
use crate::sftp::engine::channel::{Answer, Channel, Lost};
use crate::sftp::engine::chunk::Chunk;
use crate::sftp::engine::pool::{Ahead, Pool, unexpected};
use crate::sftp::place::Place;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::{Error, ErrorKind, Operation, WriteMode, WriteOptions, Written};

/// A file up to this size stays in memory until it is stored, and is simply written again if need be.
const KEEP: u64 = 4 << 20;
/// A kept file of which so much is acknowledged goes on behind it after a lost connection, as it may break again there.
const GO_ON: u64 = 128 << 10;
/// Lanes of one file.
const MOST_LANES: usize = 8;

const TAG_CLOSE: u64 = u64::MAX;
const TAG_SYNC: u64 = u64::MAX - 1;
const TAG_SET: u64 = u64::MAX - 2;
const TAG_SIZE: u64 = u64::MAX - 3;
const TAG_PART_SYNC: u64 = u64::MAX - 4;
const TAG_LANE: u64 = u64::MAX - 5;

/// Why an attempt ended.
#[derive(Debug)]
pub(super) enum Fail {
    Lost(Lost),
    Error(Error),
    /// The caller dropped the writer.
    Dropped,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Not,
    UnderWay(usize),
    Acknowledged,
}

/// An open handle of the file on one channel.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) channel: Arc<Channel>,
    pub(super) handle: Bytes,
    under_way: usize,
}

/// How far the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Data,
    /// All bytes are durable under the temporary name; the rename may have been asked for.
    Renaming,
}

pub(super) struct Upload {
    pub(super) pool: Arc<Pool>,
    pub(super) place: Place,
    pub(super) object: String,
    pub(super) options: WriteOptions,
    pub(super) pieces: mpsc::UnboundedReceiver<Piece>,
    opened: Option<oneshot::Sender<crate::Result<()>>>,
    /// Chunks from `released` on.
    pub(super) chunks: VecDeque<(Chunk, Sent)>,
    /// Index in `chunks` of the first one that was never sent in this attempt.
    next: usize,
    pub(super) ended: bool,
    /// The caller has asked for the file to be finished.
    pub(super) finished: bool,
    /// Leave to try again, after a loss.
    pub(super) again: Option<OwnedSemaphorePermit>,
    /// Bytes before this were acknowledged and given up.
    pub(super) released: u64,
    /// The file is too long, or too many are open, to keep it whole.
    giving_up: bool,
    /// Given up, acknowledged, not known to be synced.
    pub(super) unsynced: VecDeque<Expected>,
    part_sync: Option<u64>,
    pub(super) since_sync: u64,
    /// Bytes that were read back after lost connections, and found right.
    pub(super) confirmed: u64,
    pace: Pace,
    /// The server can say that bytes are safe, so a kept file need not begin again.
    pub(super) goes_on: bool,
    pub(super) total: u64,
    /// Name the file has on the server now.
    pub(super) name: Vec<u8>,
    /// Names of earlier attempts that may have left something.
    pub(super) stale: Vec<Vec<u8>>,
    pub(super) created: bool,
    pub(super) phase: Phase,
    pub(super) ahead: Option<Ahead>,
}

impl Upload {
    pub(super) fn new(
        pool: Arc<Pool>,
        place: Place,
        options: WriteOptions,
        pieces: mpsc::UnboundedReceiver<Piece>,
        opened: oneshot::Sender<crate::Result<()>>,
    ) -> Self {
        let ahead = options.expect.map(|bytes| pool.expect(bytes));
        Self {
            object: place.text(),
            name: place.bytes.clone(),
            pool,
            place,
            options,
            pieces,
            opened: Some(opened),
            chunks: VecDeque::new(),
            next: 0,
            ended: false,
            finished: false,
            again: None,
            released: 0,
            giving_up: false,
            unsynced: VecDeque::new(),
            part_sync: None,
            since_sync: 0,
            confirmed: 0,
            pace: Pace::default(),
            goes_on: false,
            total: 0,
            stale: Vec::new(),
            created: false,
            phase: Phase::Data,
            ahead,
        }
    }

    pub(super) async fn run(mut self, failed: &Failed) -> crate::Result<Written> {
        let slot = Arc::clone(&self.pool.files).acquire_owned().await.ok();
        let mut retry = self.pool.retry();
        let mut progress = (0, Phase::Data);
        let result = loop {
            let mut lanes = Vec::new();
            let attempt = match self.phase {
                Phase::Data => self.store(&mut lanes).await,
                Phase::Renaming => self.settle_rename().await,
            };
            for lane in &lanes {
                let mut batch = lane.channel.batch();
                batch.tell(&Request::Close {
                    handle: &lane.handle,
                });
                batch.send();
            }
            let fail = match attempt {
                Ok(()) => {
                    retry.progress();
                    self.pool.crowd.stored(self.again.take());
                    break Ok(Written { size: self.total });
                }
                Err(fail) => fail,
            };
            match fail {
                Fail::Lost(lost) => {
                    let now = (self.acknowledged() + self.confirmed, self.phase);
                    self.pace.lost(now.0.saturating_sub(progress.0));
                    if now > progress {
                        progress = now;
                        retry.progress();
                    }
                    self.pool.crowd.lost(self.again.take());
                    if let Err(error) = retry.lost(&lost, Operation::Write, &self.object).await {
                        break Err(error);
                    }
                    // One that still gets bytes must not wait: those who wait could hold the budget it needs.
                    if self.ended {
                        self.again = self.pool.crowd.enter().await;
                    }
                    self.begin_again();
                }
                Fail::Error(error) => break Err(error),
                Fail::Dropped => {
                    break Err(Error::new(
                        ErrorKind::Cancelled,
                        Operation::Write,
                        &self.object,
                        "the file was given up",
                    ));
                }
            }
        };
        if let Err(error) = &result {
            failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| error.clone());
            if let Some(opened) = self.opened.take() {
                let _ = opened.send(Err(error.clone()));
            }
        }
        // Bytes still queued by the caller must not keep the budget.
        self.pieces.close();
        self.chunks.clear();
        while self.pieces.try_recv().is_ok() {}
        self.clean(result.is_ok()).await;
        drop(slot);
        result
    }

    fn acknowledged(&self) -> u64 {
        let sent = self
            .chunks
            .iter()
            .take_while(|(_, sent)| *sent == Sent::Acknowledged)
            .last();
        sent.map_or(self.released, |(chunk, _)| chunk.end())
    }

    fn begin_again(&mut self) {
        if self.phase == Phase::Renaming {
            return;
        }
        if self.goes_on && self.acknowledged() >= GO_ON {
            self.giving_up = true;
            self.give_up();
        }
        self.next = 0;
        self.part_sync = None;
        for (_, sent) in &mut self.chunks {
            *sent = Sent::Not;
        }
    }

    /// One attempt: open, write everything, sync, publish.
    async fn store(&mut self, lanes: &mut Vec<Lane>) -> Result<(), Fail> {
        let channel = self.pool.channel().await?;
        self.goes_on = channel.server().fsync;
        let handle = self.open(&channel).await?;
        lanes.push(Lane {
            channel,
            handle,
            under_way: 0,
        });
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(Ok(()));
        }
        if self.released > 0 {
            self.confirm_prefix(&lanes[0]).await?;
        }
        self.pump(lanes).await?;
        self.wait_for_finish().await?;
        // Not left to be closed twice: pumping or publishing does it.
        let Lane {
            channel, handle, ..
        } = lanes.remove(0);
        if self.options.mode == WriteMode::InPlace {
            return Ok(());
        }
        let open = self.closes_last(&channel);
        if self.options.sync && !open {
            self.read_back_all(&channel).await?;
        }
        self.phase = Phase::Renaming;
        self.publish(&channel, open.then_some(&handle[..])).await
    }

    /// The handle stays open until after the rename, for another sync. A server without fsync may publish what it
    /// has only when the file is closed.
    fn closes_last(&self, channel: &Channel) -> bool {
        self.options.mode == WriteMode::Atomic && self.options.sync && channel.server().fsync
    }

    /// Where the server cannot fsync: proof that it has at least taken what was sent.
    async fn read_back_all(&self, channel: &Arc<Channel>) -> Result<(), Fail> {
        let mut all: Vec<Expected> = self.unsynced.iter().copied().collect();
        all.extend(
            self.chunks
                .iter()
                .map(|(chunk, _)| Expected::of(chunk.offset, chunk.data())),
        );
        let request = Request::Open {
            path: &self.name,
            flags: open::READ,
            attributes: Attributes::default(),
        };
        let handle = match channel.ask(&request).wait().await? {
            Response::Handle(handle) => handle,
            other => return Err(unexpected(Operation::OpenRead, &self.object, &other).into()),
        };
        let same = read_back(channel, &handle, &self.object, &all, |_| ()).await;
        let mut batch = channel.batch();
        batch.tell(&Request::Close { handle: &handle });
        batch.send();
        same
    }

    /// Sends chunks as they come until the file has ended and everything is acknowledged.
    async fn pump(&mut self, lanes: &mut Vec<Lane>) -> Result<(), Fail> {
        let (sender, mut answers) = mpsc::unbounded_channel();
        let mut opening: Option<Arc<Channel>> = None;
        let mut last_asked = 0;
        let mut last_sent = false;
        loop {
            self.send_chunks(lanes, &sender, &mut last_asked, &mut last_sent);
            if self.next < self.chunks.len() && opening.is_none() {
                opening = self.open_lane(lanes, &sender);
            }
            let under_way: usize = lanes.iter().map(|lane| lane.under_way).sum();
            if self.ended && self.next == self.chunks.len() && under_way == 0 && !last_sent {
                // Several lanes: the last requests go out when every write is acknowledged.
                last_asked += self.send_last(&lanes[0], &sender, None);
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
                    self.take_answer(tag, answer, lanes, &mut opening, &mut last_asked)?;
                }
                piece = self.pieces.recv(), if !self.ended && room => self.take_piece(piece)?,
            }
        }
    }

    fn send_chunks(
        &mut self,
        lanes: &mut [Lane],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        last_asked: &mut usize,
        last_sent: &mut bool,
    ) {
        while self.next < self.chunks.len() {
            let index = (0..lanes.len())
                .min_by_key(|&index| lanes[index].under_way)
                .expect("a file has a lane");
            let single = lanes.len() == 1;
            if lanes[index].under_way >= self.pace.under_way {
                return;
            }
            lanes[index].under_way += 1;
            let lane = &lanes[index];
            let mut batch = lane.channel.batch();
            let (chunk, sent) = &mut self.chunks[self.next];
            batch.write(chunk, &lane.handle, sender);
            *sent = Sent::UnderWay(index);
            self.next += 1;
            if self.ended && self.next == self.chunks.len() && single {
                *last_asked += self.send_last(lane, sender, Some(batch));
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
            let lane = &lanes[0];
            if lane.channel.server().fsync {
                let mut batch = lane.channel.batch();
                batch.ask_tagged(
                    &Request::Fsync {
                        handle: &lane.handle,
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
        lane: &'c Lane,
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        batch: Option<crate::sftp::engine::channel::Batch<'c>>,
    ) -> usize {
        let mut batch = batch.unwrap_or_else(|| lane.channel.batch());
        let handle: &[u8] = &lane.handle;
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
        if lane.channel.server().fsync {
            if self.options.sync {
                batch.ask_tagged(&Request::Fsync { handle }, sender, TAG_SYNC);
                count += 1;
            }
        } else {
            batch.ask_tagged(&Request::Fstat { handle }, sender, TAG_SIZE);
            count += 1;
        }
        if !self.closes_last(&lane.channel) {
            batch.ask_tagged(&Request::Close { handle }, sender, TAG_CLOSE);
            count += 1;
        }
        batch.send();
        count
    }

    /// Asks for another lane where that helps and is allowed.
    fn open_lane(
        &self,
        lanes: &[Lane],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
    ) -> Option<Arc<Channel>> {
        let first = &lanes[0].channel;
        self.pool.consider_growth(first);
        if !first.any_order || lanes.len() >= MOST_LANES || self.ended {
            return None;
        }
        let used: Vec<&Arc<Channel>> = lanes.iter().map(|lane| &lane.channel).collect();
        let channel = self.pool.idlest(&used)?;
        if channel.load() > 1 << 20 {
            return None;
        }
        let mut batch = channel.batch();
        let request = Request::Open {
            path: &self.name,
            flags: open::WRITE,
            attributes: Attributes::default(),
        };
        batch.ask_tagged(&request, sender, TAG_LANE);
        batch.send();
        Some(channel)
    }

    fn take_answer(
        &mut self,
        tag: u64,
        answer: Answer,
        lanes: &mut Vec<Lane>,
        opening: &mut Option<Arc<Channel>>,
        last_asked: &mut usize,
    ) -> Result<(), Fail> {
        if tag == TAG_LANE {
            let channel = opening.take();
            match (answer, channel) {
                (Ok(Response::Handle(handle)), Some(channel)) => lanes.push(Lane {
                    channel,
                    handle,
                    under_way: 0,
                }),
                // The file can be written without it.
                (answer, _) => log::debug!("no further lane for '{}': {answer:?}", self.object),
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
                self.acknowledge(offset, lanes);
                Operation::Write
            }
        };
        if response == Response::Ok {
            Ok(())
        } else {
            Err(unexpected(operation, &self.object, &response).into())
        }
    }

    fn acknowledge(&mut self, offset: u64, lanes: &mut [Lane]) {
        if let Ok(index) = self
            .chunks
            .binary_search_by_key(&offset, |(chunk, _)| chunk.offset)
        {
            let (chunk, sent) = &mut self.chunks[index];
            if let Sent::UnderWay(lane) = *sent
                && let Some(lane) = lanes.get_mut(lane)
            {
                lane.under_way -= 1;
            }
            *sent = Sent::Acknowledged;
            if !self.giving_up {
                // Kept bytes must not hold what writers wait for.
                match self.pool.keep_budget.try_acquire(chunk.length) {
                    Some(permit) if self.total <= KEEP => chunk.keep(permit),
                    _ => self.giving_up = true,
                }
            }
        }
        if self.giving_up {
            self.give_up();
        }
    }

    /// Acknowledged chunks at the front leave memory.
    fn give_up(&mut self) {
        while let Some((chunk, Sent::Acknowledged)) = self.chunks.front() {
            self.unsynced
                .push_back(Expected::of(chunk.offset, chunk.data()));
            self.released = chunk.end();
            self.chunks.pop_front();
            self.next -= 1;
        }
    }
}
