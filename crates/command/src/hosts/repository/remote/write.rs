//! A file of the repository that is written over the connection.
//!
//! Its ticket resolves with that of the storage on the other host. The end of a file is said: a connection that breaks never
//! looks like the end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgkeep_pipeline::Running;
use pgkeep_protocol::{Lane, Upload};
use pgkeep_storage::ticket::Written;
use pgkeep_storage::{Error, Operation, Result, StoragePath, StorageWrite, Ticket, WriteOptions};

use super::reach::Reach;
use crate::remote::network_lz4;
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::{self, AmongBytes, OpenWrite, StorageRequest};

/// Bytes that are sent at once: a frame of the protocol.
const PIECE: usize = 64 * 1024;

/// Bytes of one file that are not acknowledged.
#[derive(Debug)]
struct Unanswered {
    all: Arc<AtomicU64>,
    own: u64,
}

impl Unanswered {
    fn add(&mut self, bytes: u64) {
        self.own += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

/// A file that is being written.
pub(super) struct RemoteWrite {
    reach: Arc<Reach>,
    path: StoragePath,
    /// `None`: it has ended, or failed.
    upload: Option<Upload>,
    /// Small pieces that are not worth a frame each.
    gathered: Vec<u8>,
    size: u64,
    unanswered: Unanswered,
    /// Compresses what is written for the way.
    shrink: Option<Running>,
}

impl RemoteWrite {
    /// Announces the file. An error of opening it comes with one of the next calls.
    pub(super) fn open(
        reach: &Arc<Reach>,
        path: &StoragePath,
        write: &WriteOptions,
        lz4: Option<i32>,
        unanswered: &Arc<AtomicU64>,
    ) -> Result<Self> {
        let open = OpenWrite {
            lz4: lz4.is_some(),
            ..OpenWrite::new(WireBytes::from(path), write)
        };
        let request = StorageRequest::OpenWrite(open);
        Self::begin(reach, path, &request, lz4, unanswered)
    }

    /// The same with any request that is answered in this way, and says whether the bytes come in lz4.
    pub(super) fn begin(
        reach: &Arc<Reach>,
        path: &StoragePath,
        request: &StorageRequest,
        lz4: Option<i32>,
        unanswered: &Arc<AtomicU64>,
    ) -> Result<Self> {
        let doing = (Operation::OpenWrite, path);
        // A thread of its own: a writer of one file may wait for another file, so none may wait for its turn.
        let upload = reach
            .client(doing)?
            .write(Lane::Own, request)
            .map_err(|error| reach.error(&error, doing))?;
        Ok(Self {
            reach: Arc::clone(reach),
            path: path.clone(),
            upload: Some(upload),
            gathered: Vec::new(),
            size: 0,
            unanswered: Unanswered {
                all: Arc::clone(unanswered),
                own: 0,
            },
            shrink: lz4.map(|level| network_lz4::start(network_lz4::compress(level))),
        })
    }

    fn failed(&self) -> Error {
        let what = "the file was written to after an error";
        self.reach.nonsense(what, (Operation::Write, &self.path))
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(upload) = &mut self.upload else {
            return Err(self.failed());
        };
        let sent = upload.write_all(bytes);
        sent.map_err(|error| {
            // Nothing is left to give up: the other host has ended it, or the connection is gone.
            self.upload = None;
            let error = pgkeep_protocol::Error::from_stream(error);
            self.reach.error(&error, (Operation::Write, &self.path))
        })
    }

    fn flush_gathered(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        self.send(&gathered)?;
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }

    fn say(&mut self, value: AmongBytes) -> Result<()> {
        let Some(upload) = &mut self.upload else {
            return Err(self.failed());
        };
        let said = upload.send(&value);
        said.map_err(|error| {
            self.upload = None;
            self.reach.error(&error, (Operation::Write, &self.path))
        })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.shrink.take() {
            Some(mut shrink) => {
                let pushed = shrink.push_into(bytes, &mut OnItsWay(self));
                self.shrink = Some(shrink);
                pushed
            }
            None => self.put(bytes).map_err(Error::into_io),
        }
    }

    /// What the compression still holds.
    fn end_shrink(&mut self) -> Result<()> {
        let Some(shrink) = self.shrink.take() else {
            return Ok(());
        };
        let shown = self.reach.display(&self.path);
        let ended = shrink.finish_into(&mut OnItsWay(self));
        (ended.map(drop)).map_err(|error| Error::from_stream(Operation::Write, shown, error))
    }

    /// Takes bytes as they are sent.
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        self.unanswered.add(bytes.len() as u64);
        if self.gathered.len() + bytes.len() < PIECE {
            self.gathered.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush_gathered()?;
        self.send(bytes)
    }
}

/// Takes what the compression makes.
struct OnItsWay<'w>(&'w mut RemoteWrite);

impl Write for OnItsWay<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.put(from).map_err(Error::into_io)?;
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for RemoteWrite {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.take(from)?;
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_gathered().map_err(Error::into_io)
    }
}

impl StorageWrite for RemoteWrite {
    fn stage(&mut self) -> Result<()> {
        self.flush_gathered()?;
        self.say(AmongBytes::Stage {})
    }

    fn finish(mut self: Box<Self>) -> Result<Ticket> {
        self.end_shrink()?;
        self.flush_gathered()?;
        let size = self.size;
        self.say(AmongBytes::Finish { size })?;
        let Some(upload) = self.upload.take() else {
            return Err(self.failed());
        };
        let (resolver, ticket) = Ticket::pending();
        let (reach, path) = (Arc::clone(&self.reach), self.path.clone());
        upload.finish::<storage::Written>().notify(move |answer| {
            let doing = (Operation::Write, &path);
            resolver.resolve(match answer {
                Ok(written) => Ok(Written { size: written.size }),
                Err(error) => Err(reach.error(&error, doing)),
            });
            // Only now are its bytes acknowledged.
            drop(self);
        });
        Ok(ticket)
    }
}

impl Drop for RemoteWrite {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else {
            return;
        };
        // Waited for, so that nothing of it is left when the caller goes on. Where it fails the other host gives the file up by
        // itself, since its end was not said.
        if upload.send(&AmongBytes::GiveUp {}).is_ok() {
            let _ = upload.finish::<storage::Written>().wait();
        }
    }
}
