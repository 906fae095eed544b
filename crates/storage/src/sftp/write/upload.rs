//! The task that stores one file: attempts until one of them succeeds.
//!
//! Bytes stay in memory until acknowledged. How they go out is `pump`. After a lost connection a file that is still wholly in memory is
//! written again under a new temporary name; a longer one goes on behind the contiguous acknowledged prefix, after
//! what was not yet synced of it has been read back and found right.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::fail::Fail;
use super::pace::Pace;
use super::piece::{Failed, Piece};
use super::verify::{Expected, read_back};
use crate::sftp::add_only;
use crate::sftp::engine::channel::Channel;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Not,
    UnderWay(usize),
    Acknowledged,
}

/// An open handle of the file on one channel.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) channel: Arc<Channel>,
    pub(super) handle: Bytes,
    pub(super) under_way: usize,
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
    pub(super) next: usize,
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
    pub(super) part_sync: Option<u64>,
    pub(super) since_sync: u64,
    /// Bytes that were read back after lost connections, and found right.
    pub(super) confirmed: u64,
    pub(super) pace: Pace,
    /// The server can say that bytes are safe, so a kept file need not begin again.
    pub(super) goes_on: bool,
    pub(super) total: u64,
    /// Name the file has on the server now.
    pub(super) name: Vec<u8>,
    /// Names of earlier attempts that may have left something.
    pub(super) stale: Vec<Vec<u8>>,
    pub(super) created: bool,
    /// The file is written under a temporary name: always when atomic, else when its own name cannot be made anew.
    pub(super) renames: bool,
    /// It gets its name by a link: nothing can be renamed or removed.
    pub(super) only_adds: bool,
    /// Its mode lets nobody write, so it cannot be opened again to write: always where files are only added, and what keeps such
    /// a repository writes the same.
    pub(super) closed: bool,
    /// All that was given up of a closed file: it may have to be copied, and where it is linked compared.
    pub(super) given_up: Vec<Expected>,
    /// The temporary file that has all that was given up.
    pub(super) source: Vec<u8>,
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
        let only_adds = pool.settings.append_only;
        let options = if only_adds {
            add_only::adapted(options)
        } else {
            options
        };
        let closed = add_only::is_closed(&options);
        let renames = options.mode == WriteMode::Atomic || closed;
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
            renames,
            only_adds,
            closed,
            given_up: Vec::new(),
            source: Vec::new(),
            phase: Phase::Data,
            ahead,
        }
    }

    pub(super) async fn run(mut self, failed: &Failed) -> crate::Result<Written> {
        let slot = Arc::clone(&self.pool.files).acquire_owned().await.ok();
        let mut retry = self.pool.retry();
        let mut progress = (0, Phase::Data);
        let result = loop {
            let mut streams = Vec::new();
            let attempt = match self.phase {
                Phase::Data => self.store(&mut streams).await,
                Phase::Renaming => self.settle_rename().await,
            };
            for stream in &streams {
                let mut batch = stream.channel.batch();
                batch.tell(&Request::Close {
                    handle: &stream.handle,
                });
                batch.send();
            }
            let fail = match attempt {
                Ok(()) => {
                    retry.progress();
                    self.pool.retry_limit.stored(self.again.take());
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
                    self.pool.retry_limit.lost(self.again.take());
                    if let Err(error) = retry.lost(&lost, Operation::Write, &self.object).await {
                        break Err(error);
                    }
                    // One that still gets bytes must not wait: those who wait could hold the budget it needs.
                    if self.ended {
                        self.again = self.pool.retry_limit.acquire().await;
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

    pub(super) fn acknowledged(&self) -> u64 {
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
    async fn store(&mut self, streams: &mut Vec<Stream>) -> Result<(), Fail> {
        // A file that nobody may write cannot be opened a second time, on another channel.
        let bound = match self.closed {
            true => Some(self.pool.bind().await?),
            false => None,
        };
        let channel = match &bound {
            Some(bound) => Arc::clone(bound.channel()),
            None => self.pool.channel().await?,
        };
        self.goes_on = channel.server().fsync && (!self.closed || channel.server().copy_data);
        let handle = self.open(&channel).await?;
        let asked = self.ask_what_it_may(&channel, &handle);
        streams.push(Stream {
            channel,
            handle,
            under_way: 0,
        });
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(Ok(()));
        }
        if self.released > 0 && self.closed {
            self.copy_prefix(&streams[0]).await?;
        } else if self.released > 0 {
            self.confirm_prefix(&streams[0]).await?;
        }
        self.pump(streams).await?;
        self.wait_for_finish().await?;
        self.judge_what_it_may(asked).await?;
        // Not left to be closed twice: pumping or publishing does it.
        let Stream {
            channel, handle, ..
        } = streams.remove(0);
        if !self.renames {
            return Ok(());
        }
        let open = self.closes_last(&channel);
        if self.options.sync && !open && self.options.mode == WriteMode::Atomic {
            self.read_back_all(&channel).await?;
        }
        self.phase = Phase::Renaming;
        self.publish(&channel, open.then_some(&handle[..])).await
    }

    /// The handle stays open until after the rename, for another sync. A server without fsync may publish what it
    /// has only when the file is closed.
    pub(super) fn closes_last(&self, channel: &Channel) -> bool {
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

    pub(super) fn acknowledge(&mut self, offset: u64, streams: &mut [Stream]) {
        if let Ok(index) = self
            .chunks
            .binary_search_by_key(&offset, |(chunk, _)| chunk.offset)
        {
            let (chunk, sent) = &mut self.chunks[index];
            if let Sent::UnderWay(stream) = *sent
                && let Some(stream) = streams.get_mut(stream)
            {
                stream.under_way -= 1;
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
            let piece = Expected::of(chunk.offset, chunk.data());
            self.unsynced.push_back(piece);
            if self.closed {
                self.given_up.push(piece);
            }
            self.released = chunk.end();
            self.chunks.pop_front();
            self.next -= 1;
        }
    }
}
