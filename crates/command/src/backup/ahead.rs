//! Files of a job that their host is asked for before their turn comes, so that a way to another host and back does not cost a
//! wait for each file.
//!
//! On a host with latency a worker asks for the next files before it takes the first, and takes them in the order in which it
//! asked. The invariant: nothing is asked for behind a file that was not asked for, and nothing in front of one that was.
//! What a host has sent and nobody took waits in the room of the connection, which bounds it.

use std::collections::VecDeque;

use pgkeep_pipeline::block::BlockSettings;

use super::block_map::MapReader;
use super::copier::{Copier, Wanted};
use super::file_pipeline::{Places, file_pipeline};
use super::job::{CopyJob, FileJob};
use crate::error::Result;
use crate::hosts::pg_host::{OpenFile, ReadRequest};

/// Bytes of files that a worker asks for behind the one that it takes.
const AHEAD: u64 = 4 << 20;

/// Behind a file of this size nothing is asked for: the way is short against it, and the host would hold a worker back with the
/// next file for that long, who could serve somebody else.
const LARGE: u64 = 16 << 20;

/// Files that all workers together ask for ahead: a connection has room for 64 conversations, and some others are held.
const FILES_AHEAD: usize = 48;

/// Files that each of so many workers asks for at most, with the one that it takes.
pub(super) fn files_ahead(workers: usize) -> usize {
    (FILES_AHEAD / workers.max(1)).max(1)
}

/// A file to be copied and how that is done.
pub(super) struct Asked<'a> {
    pub job: &'a CopyJob,
    pub file: &'a FileJob,
    pub places: Places,
    /// There is a map of the prior backup.
    pub had_prior: bool,
    /// Where in the repository file of the job it begins.
    pub offset: u64,
    wanted: Option<Wanted>,
    /// It is under way.
    pub open: Option<Box<dyn OpenFile + 'a>>,
}

impl<'a> Asked<'a> {
    /// A file whose place in the repository file of its job is known.
    fn new(
        copier: &Copier,
        (job, file): (&'a CopyJob, &'a FileJob),
        maps: &mut MapReader<'_>,
        offset: u64,
    ) -> Result<Self> {
        // Before the file is opened: maps are read in one go, so each must be taken even if its file has vanished.
        let prior = maps.next(file)?;
        let had_prior = prior.is_some();
        let (places, wanted) = how(copier, job, file, offset, prior);
        Ok(Self {
            job,
            file,
            places,
            had_prior,
            offset,
            wanted: Some(wanted),
            open: None,
        })
    }

    /// How its bytes are wanted; taken once.
    pub(super) fn take_wanted(&mut self) -> Wanted {
        self.wanted
            .take()
            .expect("it is taken once for each reading")
    }

    /// To be read once more, without the map of the prior backup.
    pub(super) fn forget_prior(&mut self, copier: &Copier) {
        let (places, wanted) = how(copier, self.job, self.file, self.offset, None);
        (self.places, self.wanted) = (places, Some(wanted));
        self.had_prior = false;
    }
}

fn how(
    copier: &Copier,
    job: &CopyJob,
    file: &FileJob,
    offset: u64,
    prior: Option<pgkeep_pipeline::block::BlockMap>,
) -> (Places, Wanted) {
    let block = file.block.as_ref().map(|block| BlockSettings {
        block_size: block.block_size,
        super_block_size: copier.super_block_size,
        checksum_size: block.checksum_size,
        reference: copier.reference,
        bundle_id: job.bundle_id,
        offset,
        prior,
        compress: copier.compress,
        level: copier.level,
        pass: copier.pass.clone(),
    });
    let (pipeline, places) = file_pipeline(copier, job, file, block);
    let wanted = Wanted {
        pipeline,
        // Bundles have no empty files.
        skip_empty: job.bundle_id != 0,
        reports_only: false,
    };
    (places, wanted)
}

/// The files that are left to copy, in their order.
pub(super) struct Ahead<'a, 'm> {
    copier: &'a Copier,
    maps: MapReader<'m>,
    left: VecDeque<(&'a CopyJob, &'a FileJob)>,
    asked: VecDeque<Asked<'a>>,
}

impl<'a, 'm> Ahead<'a, 'm> {
    /// `maps` expects the same files.
    pub(super) fn new(
        copier: &'a Copier,
        left: VecDeque<(&'a CopyJob, &'a FileJob)>,
        maps: MapReader<'m>,
    ) -> Self {
        Self {
            copier,
            maps,
            left,
            asked: VecDeque::new(),
        }
    }

    /// The next file, which begins at `offset`, and others are asked for behind it.
    ///
    /// # Errors
    /// Errors of reading a map or of asking.
    pub(super) fn next(&mut self, offset: u64) -> Result<Asked<'a>> {
        let mut next = match self.asked.pop_front() {
            Some(asked) => asked,
            None => {
                let file = self
                    .left
                    .pop_front()
                    .expect("there are as many as were given");
                Asked::new(self.copier, file, &mut self.maps, offset)?
            }
        };
        let host = self.copier.hosts.get(next.job.host);
        if host.has_latency() && !next.file.is_control {
            // In this order; all behind it were asked for later.
            if next.open.is_none() {
                self.ask(&mut next)?;
            }
            if next.file.size_original < LARGE {
                self.ask_behind()?;
            }
        }
        Ok(next)
    }

    fn ask_behind(&mut self) -> Result<()> {
        for index in 0..self.asked.len() {
            if self.asked[index].open.is_none() {
                let request = self.request(&self.asked[index]);
                let open = self.open(self.asked[index].job, request)?;
                self.asked[index].open = Some(open);
            }
        }
        let bytes = |asked: &Asked<'_>| asked.file.size_original;
        let mut under_way: u64 = self.asked.iter().map(bytes).sum();
        while under_way < AHEAD && self.asked.len() + 1 < self.copier.files_ahead {
            // Where blocks are stored is in their map: in a bundle that is known when the file before is stored.
            let Some(&(job, file)) = self.left.front().filter(|(job, file)| {
                !file.is_control && (job.bundle_id == 0 || file.block.is_none())
            }) else {
                return Ok(());
            };
            self.left.pop_front();
            let mut asked = Asked::new(self.copier, (job, file), &mut self.maps, 0)?;
            self.ask(&mut asked)?;
            under_way += file.size_original;
            self.asked.push_back(asked);
        }
        Ok(())
    }

    fn ask(&self, asked: &mut Asked<'a>) -> Result<()> {
        asked.open = Some(self.open(asked.job, self.request(asked))?);
        Ok(())
    }

    fn request(&self, asked: &Asked<'_>) -> ReadRequest {
        let wanted = asked.wanted.clone();
        let wanted = wanted.expect("it is taken when the file is read");
        self.copier.request(asked.file, wanted)
    }

    fn open(&self, job: &CopyJob, request: ReadRequest) -> Result<Box<dyn OpenFile + 'a>> {
        self.copier.hosts.get(job.host).open_file(request)
    }

    /// Gives up what was asked for behind a file that must be asked for once more.
    pub(super) fn give_up(&mut self) {
        for asked in &mut self.asked {
            asked.open = None;
        }
    }
}
