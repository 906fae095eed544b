//! A file of the repository as it comes over the connection.

use std::io::{self, Read};
use std::sync::Arc;

use pgkeep_pipeline::RunningReader;
use pgkeep_protocol::{Download, Lane};
use pgkeep_storage::{Operation, Range, ReadOptions, Result, StoragePath};

use super::reach::Reach;
use crate::remote::network_lz4;
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::{MOST_RANGES, OpenRead, Opened, ReadEnd, StorageRequest};

/// Which keys come with info files that the other host decrypts. That of all manifests never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainInfo {
    /// Those of the archive and of the sets.
    WithKeys,
    /// That of the archive only.
    WithoutSetKeys,
}

/// A file that is being read.
pub(super) struct RemoteRead {
    reach: Arc<Reach>,
    path: StoragePath,
    read: ReadOptions,
    /// It is an info file that is asked for in plain text.
    info: Option<PlainInfo>,
    /// Level of the lz4 that it comes in.
    lz4: Option<i32>,
    /// Ranges that were not asked for yet; only files with very many have such.
    rest: Vec<Range>,
    /// `None`: it has ended, or failed.
    download: Option<Download>,
    opened: bool,
    got: u64,
}

impl RemoteRead {
    /// Asks for the file. Its bytes are on their way from then on.
    pub(super) fn open(reach: &Arc<Reach>, path: &StoragePath, read: &ReadOptions) -> Result<Self> {
        Self::begin(reach, path, read, (None, None))
    }

    /// The same in lz4 of this level for the way, which is undone here.
    pub(super) fn open_in_lz4(
        reach: &Arc<Reach>,
        path: &StoragePath,
        read: &ReadOptions,
        level: i32,
    ) -> Result<RunningReader<Self>> {
        let this = Self::begin(reach, path, read, (None, Some(level)))?;
        let expand = network_lz4::start(network_lz4::expand());
        Ok(RunningReader::new(this, expand, network_lz4::BUFFER))
    }

    /// Whether all of it is asked for with one request.
    pub(super) fn is_one_request(read: &ReadOptions) -> bool {
        read.ranges.len() <= MOST_RANGES
    }

    /// The same for an info file, which the other host decrypts.
    pub(super) fn open_info(
        reach: &Arc<Reach>,
        path: &StoragePath,
        read: &ReadOptions,
        info: PlainInfo,
    ) -> Result<Self> {
        Self::begin(reach, path, read, (Some(info), None))
    }

    fn begin(
        reach: &Arc<Reach>,
        path: &StoragePath,
        read: &ReadOptions,
        (info, lz4): (Option<PlainInfo>, Option<i32>),
    ) -> Result<Self> {
        let mut this = Self {
            reach: Arc::clone(reach),
            path: path.clone(),
            read: read.clone(),
            info,
            lz4,
            rest: read.ranges.clone(),
            download: None,
            opened: false,
            got: 0,
        };
        this.ask(read.lazy_open)?;
        if !read.lazy_open {
            this.wait_until_open()?;
        }
        Ok(this)
    }

    fn ask(&mut self, ahead: bool) -> Result<()> {
        let doing = (Operation::OpenRead, &self.path);
        let some = self.rest.len().min(MOST_RANGES);
        let ranges: Vec<Range> = self.rest.drain(..some).collect();
        let path = WireBytes::from(&self.path);
        let request = match self.info {
            Some(info) => StorageRequest::ReadInfo {
                path,
                without_key: info == PlainInfo::WithoutSetKeys,
            },
            None => StorageRequest::OpenRead(OpenRead {
                lz4: self.lz4,
                ..OpenRead::new(path, &self.read, &ranges)
            }),
        };
        // What is opened ahead waits for its turn. What the caller waits for must not: its worker may hold another file.
        let lane = match ahead {
            true => Lane::Worker,
            false => Lane::Own,
        };
        let client = self.reach.client(doing)?;
        let download = client.read(lane, &request);
        self.download = Some(download.map_err(|error| self.reach.error(&error, doing))?);
        (self.opened, self.got) = (false, 0);
        Ok(())
    }

    fn wait_until_open(&mut self) -> Result<()> {
        if let Some(download) = &mut self.download
            && !self.opened
        {
            let opened = download.answer::<Opened>();
            if let Err(error) = opened {
                self.download = None;
                return Err(self.reach.error(&error, (Operation::OpenRead, &self.path)));
            }
            self.opened = true;
        }
        Ok(())
    }

    fn next(&mut self, into: &mut [u8]) -> Result<usize> {
        let reach = Arc::clone(&self.reach);
        loop {
            self.wait_until_open()?;
            let doing = (Operation::Read, &self.path);
            let Some(mut download) = self.download.take() else {
                return Ok(0);
            };
            let got = download
                .read(into)
                .map_err(|error| reach.error(&pgkeep_protocol::Error::from_stream(error), doing))?;
            if got > 0 {
                self.got += got as u64;
                self.download = Some(download);
                return Ok(got);
            }
            // Without its end it is only a part of the file.
            let end: ReadEnd = download
                .report()
                .map_err(|error| reach.error(&error, doing))?;
            if end.size != self.got {
                let what = format!("it sent {} bytes and says {}", self.got, end.size);
                return Err(reach.nonsense(&what, doing));
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            self.ask(false)?;
        }
    }
}

impl Read for RemoteRead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        self.next(into).map_err(pgkeep_storage::Error::into_io)
    }
}
