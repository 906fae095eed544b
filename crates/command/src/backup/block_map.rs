//! Reading of the block maps of the prior backup that the files of one job are compared with.
//!
//! Maps of files that lie in the same bundle are read with one request, in the order of the files; a slow repository then
//! costs one wait a bundle and not one a file.

use std::collections::VecDeque;
use std::io::Read;

use pgkeep_pipeline::block::BlockMap;
use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_storage::{PipelineRead, Range, ReadOptions, Storage, StoragePath};
use secrecy::SecretString;

use super::job::{BlockJob, FileJob, MapPlace};
use super::prior;
use crate::error::{Error, ErrorCode, Result};

/// Maps of one repository file that follow each other in a job.
struct Group {
    path: StoragePath,
    ranges: Vec<Range>,
}

/// Reads the maps of a job, each once, in the order in which they were announced.
pub(super) struct MapReader<'a> {
    storage: &'a dyn Storage,
    pass: Option<&'a SecretString>,
    groups: VecDeque<Group>,
    /// The group that is being read, and how many of its maps are left.
    open: Option<(Box<dyn PipelineRead>, usize)>,
}

impl<'a> MapReader<'a> {
    pub(super) fn new(storage: &'a dyn Storage, pass: Option<&'a SecretString>) -> Self {
        Self {
            storage,
            pass,
            groups: VecDeque::new(),
            open: None,
        }
    }

    /// Announces that the map of `file`, if it has one, will be asked for.
    pub(super) fn expect(&mut self, file: &FileJob) {
        let Some(MapPlace { path, offset, size }) = place(file).map(|(_, place)| place) else {
            return;
        };
        let range = Range {
            offset: *offset,
            length: Some(*size),
        };
        match self.groups.back_mut() {
            Some(group) if group.path == *path => group.ranges.push(range),
            _ => self.groups.push_back(Group {
                path: path.clone(),
                ranges: vec![range],
            }),
        }
    }

    /// The prior map of `file`, which must be the next of the announced.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense; the message says where it should be.
    pub(super) fn next(&mut self, file: &FileJob) -> Result<Option<BlockMap>> {
        let Some((block, place)) = place(file) else {
            return Ok(None);
        };
        self.read(block, place).map(Some).map_err(|error| {
            let from = self.storage.display(&place.path);
            prior::advise(error).with_prefix(&format!(
                "unable to read block map for '{}' from '{from}' at offset {} size {}: ",
                String::from_utf8_lossy(&file.name),
                place.offset,
                place.size
            ))
        })
    }

    fn read(&mut self, block: &BlockJob, place: &MapPlace) -> Result<BlockMap> {
        if self.open.is_none() {
            let group = self
                .groups
                .pop_front()
                .expect("every map that is asked for was announced");
            let left = group.ranges.len();
            let options = ReadOptions {
                ranges: group.ranges,
                ..ReadOptions::default()
            };
            self.open = Some((self.storage.open_read(&group.path, &options)?, left));
        }
        let (read, left) = self.open.as_mut().expect("it was opened just now");
        let mut stored = Vec::new();
        read.take(place.size).read_to_end(&mut stored)?;
        *left -= 1;
        if *left == 0 {
            self.open = None;
        }
        if stored.len() as u64 != place.size {
            let message = format!("expected {} byte(s) but read {}", place.size, stored.len());
            return Err(Error::new(ErrorCode::FileRead, message));
        }
        let mut plain = Vec::with_capacity(stored.len());
        let stages = self.pass.map(|pass| Stage::Decrypt {
            pass: pass.clone(),
            raw: true,
        });
        let mut running = Pipeline::new(stages.into_iter().collect()).start(stored.len().max(1));
        running.push(&stored, &mut plain)?;
        running.finish(&mut plain)?;
        Ok(BlockMap::decode(
            &plain,
            block.block_size,
            block.checksum_size,
        )?)
    }
}

fn place(file: &FileJob) -> Option<(&BlockJob, &MapPlace)> {
    file.block
        .as_ref()
        .and_then(|block| block.prior.as_ref().map(|prior| (block, prior)))
}
