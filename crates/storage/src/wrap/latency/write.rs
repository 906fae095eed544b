//! Writing over the network: open, data with fsync and close behind it, rename; the caller waits for none of them.

use std::io::{self, Write};
use std::time::Duration;

use super::network::Network;
use crate::error::Result;
use crate::info::InfoLevel;
use crate::options::{WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::storage::{Storage, StorageWrite};
use crate::ticket::Ticket;

pub(super) struct LatencyWrite {
    inner: Box<dyn StorageWrite>,
    network: Network,
    /// When the server has opened the file.
    opened: Duration,
    /// Requests that follow when all data is there.
    afterwards: usize,
    size: u64,
}

impl LatencyWrite {
    pub(super) fn open(
        storage: &dyn Storage,
        network: &Network,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Self> {
        let network = network.clone();
        let started = network.admit();
        // The file is opened as if the directory were there; where it is not: make it, open again.
        let missing = storage.info(&path.parent(), InfoLevel::Exists)?.is_none();
        let opened = network.after(started, if missing && write.create_path { 3 } else { 1 });
        network.count(if missing { 3 } else { 1 });
        if !write.create_path || !write.truncate {
            // The caller asked for an answer: is the parent missing, is the file there?
            network.wait_until(opened);
        }
        let inner = storage.open_write(path, write)?;
        let afterwards = usize::from(write.mode == WriteMode::Atomic);
        Ok(Self {
            inner,
            network,
            opened,
            afterwards,
            size: 0,
        })
    }
}

impl Write for LatencyWrite {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.size += count as u64;
        // Up to a window may be unanswered; before more is taken the earlier bytes must have been.
        let window = self.network.settings.window.max(1);
        if self.size > window {
            self.network
                .wait_until(self.network.streamed(self.opened, self.size - window));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl StorageWrite for LatencyWrite {
    fn finish(self: Box<Self>) -> Result<Ticket> {
        let Self {
            inner,
            network,
            opened,
            afterwards,
            size,
        } = *self;
        let written = inner.finish()?.wait();
        network.count(1 + afterwards);
        // The last data is sent no earlier than now.
        let data = network
            .streamed(opened, size)
            .max(network.after(network.now(), 1));
        let done = network.after(data, afterwards);
        Ok(network.ticket(written, done))
    }
}
