//! Files on their way to us, asked for ahead of the reader.
//!
//! One task for each file keeps requests under way (16 on a connection in all: more only piles up in the server),
//! puts the answers in order and hands them over through a bounded queue. After a lost connection it opens the file
//! again, makes sure that it is the same, and asks for what is missing.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::engine::budget::Permit;
use super::engine::channel::{Answer, Channel, Lost};
use super::engine::pool::{Ahead, Pool, reads_room, unexpected};
use super::place::Place;
use super::protocol::attributes::Attributes;
use super::protocol::message::{Request, Response, open};
use super::protocol::status::Status;
use crate::{Error, ErrorKind, Operation, Range, ReadOptions, Result};

/// Requests under way and pieces waiting for one lane.
const UNDER_WAY: usize = 16;
/// Pieces handed over and not yet read.
const HANDED_OVER: usize = 8;
/// What must be left of a file to open it on another connection too.
const WORTH_A_LANE: u64 = 8 << 20;
const MOST_LANES: usize = 4;
/// Requests of a file that nobody reads from at present, once half of the memory for all files is in use: those that are
/// read from need the rest.
const IDLE_WINDOW: usize = 4;

/// The reader's half.
pub(crate) struct SftpRead {
    pieces: mpsc::Receiver<Delivery>,
    current: VecDeque<Bytes>,
    permit: Option<Permit>,
    ended: bool,
}

/// What the task hands over. The end is said, so that a task that ended otherwise is never taken for a short file.
enum Delivery {
    Piece(Vec<Bytes>, Option<Permit>),
    Failed(Error),
    End,
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
    let download = Download {
        pool: Arc::clone(pool),
        object: place.text(),
        place,
        plan: merged(ranges).into(),
        window: VecDeque::new(),
        first: 0,
        known: None,
        opened: Some(opened_sender),
        ahead: None,
    };
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

/// One request and what it has brought so far.
struct Slot {
    offset: u64,
    length: usize,
    got: Vec<Bytes>,
    received: usize,
    /// Lane it was sent on; `None`: to be sent (again).
    lane: Option<usize>,
    done: bool,
    permit: Option<Permit>,
    under_way: Option<OwnedSemaphorePermit>,
}

struct Lane {
    channel: Arc<Channel>,
    handle: Bytes,
    under_way: usize,
}

struct Download {
    pool: Arc<Pool>,
    place: Place,
    object: String,
    plan: VecDeque<Range>,
    window: VecDeque<Slot>,
    /// Number of the first slot in the window.
    first: u64,
    known: Option<Attributes>,
    opened: Option<oneshot::Sender<Result<()>>>,
    ahead: Option<Ahead>,
}

enum Fail {
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

const TAG_LANE: u64 = u64::MAX;

impl Download {
    async fn run(mut self, to: &mpsc::Sender<Delivery>) -> Result<()> {
        let mut retry = self.pool.retry();
        let mut reached = 0;
        loop {
            let mut lanes = Vec::new();
            let result = self.attempt(&mut lanes, to).await;
            for lane in &lanes {
                let mut batch = lane.channel.batch();
                batch.tell(&Request::Close {
                    handle: &lane.handle,
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
                        slot.lane = None;
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
        lanes: &mut Vec<Lane>,
        to: &mpsc::Sender<Delivery>,
    ) -> std::result::Result<(), Fail> {
        let channel = self.pool.channel().await?;
        let handle = self.open(&channel).await?;
        lanes.push(Lane {
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
            let starved = self.fill(lanes, &sender, to.capacity() == 0);
            if opening.is_none() && self.left() >= WORTH_A_LANE {
                opening = self.open_lane(lanes, &sender);
            }
            let ready = self.window.front().is_some_and(|slot| slot.done);
            let under_way: usize = lanes.iter().map(|lane| lane.under_way).sum();
            if !ready && under_way == 0 && self.window.is_empty() && self.plan.is_empty() {
                return Ok(());
            }
            let reads = Arc::clone(&lanes[0].channel.reads);
            let wanted = starved.unwrap_or(1);
            tokio::select! {
                answer = answers.recv(), if under_way > 0 || opening.is_some() => {
                    let (tag, answer) = answer.expect("this function holds a sender");
                    if tag == TAG_LANE {
                        match (answer, opening.take()) {
                            (Ok(Response::Handle(handle)), Some(channel)) => lanes.push(Lane { channel, handle, under_way: 0 }),
                            (answer, _) => log::debug!("no further lane for '{}': {answer:?}", self.object),
                        }
                    } else {
                        self.take_answer(tag, answer, lanes)?;
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
                    self.send_one(lanes, &sender, permit.ok());
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

    /// Sends as many requests as are allowed. `Some`: one could be sent but for other files' requests; the room it needs.
    fn fill(
        &mut self,
        lanes: &mut [Lane],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        idle: bool,
    ) -> Option<u32> {
        loop {
            if self.unsent().is_none() && !self.extend(lanes, idle) {
                return None;
            }
            let slot = &self.window[self.unsent()?];
            let room = reads_room(slot.length - slot.received);
            let free = |lane: &Lane| lane.under_way < UNDER_WAY;
            let index = (0..lanes.len())
                .filter(|&i| free(&lanes[i]))
                .min_by_key(|&i| lanes[i].under_way)?;
            let reads = Arc::clone(&lanes[index].channel.reads);
            let Ok(permit) = reads.try_acquire_many_owned(room) else {
                return Some(room);
            };
            self.send_on(index, lanes, sender, Some(permit));
        }
    }

    /// The first request that is planned and not sent.
    fn unsent(&self) -> Option<usize> {
        self.window
            .iter()
            .position(|slot| !slot.done && slot.lane.is_none())
    }

    /// Plans one more request, if the window and the budget have room.
    fn extend(&mut self, lanes: &[Lane], idle: bool) -> bool {
        let most = match idle && self.pool.read_budget.half_used() {
            true => IDLE_WINDOW,
            false => UNDER_WAY * lanes.len(),
        };
        if self.window.len() >= most {
            return false;
        }
        let Some(range) = self.plan.front_mut() else {
            return false;
        };
        let size = lanes[0].channel.server().read_size;
        let length = range
            .length
            .map_or(size, |left| usize::try_from(left).unwrap_or(size).min(size));
        // One request is always allowed, or a file could starve behind others that nobody reads.
        let permit = self.pool.read_budget.try_acquire(length);
        if permit.is_none() && !self.window.is_empty() {
            return false;
        }
        self.window.push_back(Slot {
            offset: range.offset,
            length,
            got: Vec::new(),
            received: 0,
            lane: None,
            done: false,
            permit,
            under_way: None,
        });
        range.offset += length as u64;
        if let Some(left) = &mut range.length {
            *left -= length as u64;
        }
        if range.length == Some(0) {
            self.plan.pop_front();
        }
        true
    }

    fn send_one(
        &mut self,
        lanes: &mut [Lane],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        if self.unsent().is_some() || self.extend(lanes, false) {
            self.send_on(0, lanes, sender, permit);
        }
    }

    fn send_on(
        &mut self,
        lane: usize,
        lanes: &mut [Lane],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let Some(index) = self.unsent() else {
            return;
        };
        let slot = &mut self.window[index];
        slot.lane = Some(lane);
        slot.under_way = permit;
        lanes[lane].under_way += 1;
        let request = Request::Read {
            handle: &lanes[lane].handle,
            offset: slot.offset + slot.received as u64,
            length: u32::try_from(slot.length - slot.received)
                .expect("a request is at most 255 KiB"),
        };
        let mut batch = lanes[lane].channel.batch();
        batch.ask_tagged(&request, sender, self.first + index as u64);
        batch.send();
    }

    fn open_lane(
        &self,
        lanes: &[Lane],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
    ) -> Option<Arc<Channel>> {
        self.pool.consider_growth(&lanes[0].channel);
        if lanes.len() >= MOST_LANES {
            return None;
        }
        let channel = self.pool.idlest_elsewhere(
            &lanes
                .iter()
                .map(|lane| lane.channel.connection)
                .collect::<Vec<_>>(),
        )?;
        channel
            .open_beside(&self.place.bytes, open::READ, sender, TAG_LANE)
            .then_some(channel)
    }

    fn take_answer(
        &mut self,
        tag: u64,
        answer: Answer,
        lanes: &mut [Lane],
    ) -> std::result::Result<(), Fail> {
        let index = usize::try_from(tag - self.first).expect("a window is short");
        let Some(slot) = self.window.get_mut(index) else {
            return Ok(());
        };
        if let Some(lane) = slot.lane.take().and_then(|lane| lanes.get_mut(lane)) {
            lane.under_way -= 1;
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
