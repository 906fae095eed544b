//! Reading over the network: the first bytes are on their way since the file was opened.

use std::io::{self, Read};
use std::time::Duration;

use super::network::Network;
use crate::error::Error;
use crate::storage::PipelineRead;

pub(super) struct LatencyRead {
    inner: Box<dyn PipelineRead>,
    network: Network,
    /// When the file is open and the reads are sent.
    opened: Duration,
    delivered: u64,
}

impl LatencyRead {
    pub(super) fn new(inner: Box<dyn PipelineRead>, network: Network, opened: Duration) -> Self {
        network.count(1);
        Self {
            inner,
            network,
            opened,
            delivered: 0,
        }
    }
}

impl Read for LatencyRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.delivered += got as u64;
        self.network
            .wait_until(self.network.streamed(self.opened, self.delivered));
        Ok(got)
    }
}

/// A file that turns out to be missing at the first read.
pub(super) struct MissingRead {
    error: Error,
    network: Network,
    opened: Duration,
}

impl MissingRead {
    pub(super) fn new(error: Error, network: Network, opened: Duration) -> Self {
        Self {
            error,
            network,
            opened,
        }
    }
}

impl Read for MissingRead {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.network.wait_until(self.opened);
        Err(self.error.clone().into_io())
    }
}
