//! All files of a manifest, packed: records in chunks of memory, one position per file, sorted by name.
//!
//! A record that outgrows its room is written anew, and a chunk is given back when nothing in it counts any more: what a
//! copy adds to a file doubles its record, and files are mostly copied in an order that goes through chunk after chunk.
//! Directories and attributes (mode, user, group) are interned.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::file::{FileData, FileRef};
use super::name::FileName;
use super::owner::{Names, OwnerId};
use super::record::{self, RecordHead};

/// Bytes of a chunk; a longer record gets a chunk of its own.
const CHUNK: usize = 1 << 20;

/// Mode, user and group; what is not known yet is filled in from the defaults at the end of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Attributes {
    pub(super) mode: Option<u32>,
    pub(super) user: Option<Option<OwnerId>>,
    pub(super) group: Option<Option<OwnerId>>,
}

/// The packed files.
#[derive(Debug, Clone, Default)]
pub struct FileTable {
    chunks: Vec<Vec<u8>>,
    /// Records of each chunk that `index` still refers to.
    live: Vec<u32>,
    /// Chunk in the upper, offset in the lower half.
    index: Vec<u64>,
    /// Places of `index` are in name order.
    sorted: bool,
    directories: Vec<Box<[u8]>>,
    directory_ids: HashMap<Box<[u8]>, u32>,
    /// The last directory looked up: neighbours mostly share it.
    last_directory: u32,
    attributes: Vec<Attributes>,
    attribute_ids: HashMap<Attributes, u32>,
    scratch: Vec<u8>,
}

impl FileTable {
    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of memory that records, positions and directories take, for tests and logs.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>()
            + self.index.capacity() * size_of::<u64>()
            + self.live.capacity() * size_of::<u32>()
            + self
                .directories
                .iter()
                .map(|directory| directory.len() * 2 + 64)
                .sum::<usize>()
    }

    /// The file at a place.
    pub(super) fn get<'a>(&'a self, at: usize, names: &'a Names) -> FileRef<'a> {
        let mut bytes = self.record(at);
        let head = record::decode_head(&mut bytes);
        let mut data = record::decode_data(bytes);
        let attributes = self.attributes[head.attributes as usize];
        data.mode = attributes.mode.unwrap_or(0);
        data.user = attributes.user.flatten();
        data.group = attributes.group.flatten();
        FileRef {
            name: self.join(&head),
            data,
            names,
        }
    }

    /// The name at a place.
    pub(super) fn name(&self, at: usize) -> FileName<'_> {
        let mut bytes = self.record(at);
        self.join(&record::decode_head(&mut bytes))
    }

    /// The bytes of a record and its room, without the length of the room.
    fn record(&self, at: usize) -> &[u8] {
        let (chunk, offset) = split(self.index[at]);
        let mut bytes = &self.chunks[chunk][offset..];
        record::take_varint(&mut bytes);
        bytes
    }

    fn join<'a>(&'a self, head: &RecordHead<'a>) -> FileName<'a> {
        // Directory 0 is no directory at all.
        let directory = head
            .directory
            .checked_sub(1)
            .map(|id| &*self.directories[id as usize]);
        FileName::new(directory, head.base)
    }

    /// The place of a name, or where it belongs. Needs order, so not while [`Self::push`] is used.
    pub(super) fn position(&self, name: &[u8]) -> Result<usize, usize> {
        debug_assert!(
            self.sorted || self.index.is_empty(),
            "names are looked up only in order"
        );
        let name = FileName::split(name);
        let mut range = 0..self.index.len();
        while !range.is_empty() {
            let middle = range.start + range.len() / 2;
            match self.name(middle).cmp(&name) {
                Ordering::Less => range.start = middle + 1,
                Ordering::Greater => range.end = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(range.start)
    }

    /// Adds a file at its place, or replaces one of the same name.
    pub(super) fn insert(&mut self, name: &[u8], data: &FileData) {
        let place = match self.index.len().checked_sub(1) {
            // Callers mostly come in order.
            Some(last) if self.name(last) < FileName::split(name) => Err(self.index.len()),
            None => Err(0),
            _ => self.position(name),
        };
        match place {
            Ok(at) => self.update(at, data),
            Err(at) => {
                let attributes = known(data);
                let position = self.append(name, &attributes, data);
                self.index.insert(at, position);
                self.sorted = true;
            }
        }
    }

    /// Adds a file at the end, with attributes that may still be unknown; [`Self::sort`] must follow.
    pub(super) fn push(&mut self, name: &[u8], attributes: &Attributes, data: &FileData) {
        let position = self.append(name, attributes, data);
        self.index.push(position);
        self.sorted = false;
    }

    /// Puts all files in name order.
    pub(super) fn sort(&mut self) {
        let mut index = std::mem::take(&mut self.index);
        let name = |position: u64| {
            let (chunk, offset) = split(position);
            let mut bytes = &self.chunks[chunk][offset..];
            record::take_varint(&mut bytes);
            self.join(&record::decode_head(&mut bytes))
        };
        index.sort_by(|a, b| name(*a).cmp(&name(*b)));
        self.index = index;
        self.sorted = true;
    }

    /// The first name that is there twice.
    pub(super) fn duplicate(&self) -> Option<FileName<'_>> {
        (1..self.index.len())
            .find(|at| self.name(at - 1) == self.name(*at))
            .map(|at| self.name(at))
    }

    /// Replaces everything but the name.
    pub(super) fn update(&mut self, at: usize, data: &FileData) {
        let attributes = self.intern_attributes(&known(data));
        let (chunk, offset) = split(self.index[at]);
        let mut bytes = &self.chunks[chunk][offset..];
        let before = bytes.len();
        let room = record::take_varint(&mut bytes) as usize;
        let start = offset + before - bytes.len();
        let head = record::decode_head(&mut bytes);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        record::encode(&mut scratch, RecordHead { attributes, ..head }, data);
        if scratch.len() <= room {
            self.chunks[chunk][start..start + scratch.len()].copy_from_slice(&scratch);
        } else {
            self.index[at] = self.store(&scratch);
            self.release(chunk);
        }
        self.scratch = scratch;
    }

    pub(super) fn remove(&mut self, at: usize) {
        let (chunk, _) = split(self.index.remove(at));
        self.release(chunk);
    }

    /// Gives up what is known of the file at a place, once and for good: it must not be looked at again.
    pub(super) fn forget(&mut self, at: usize) {
        self.release(split(self.index[at]).0);
    }

    /// One record of a chunk no longer counts.
    fn release(&mut self, chunk: usize) {
        self.live[chunk] -= 1;
        // The last one is still being filled.
        if self.live[chunk] == 0 && chunk + 1 < self.chunks.len() {
            self.chunks[chunk] = Vec::new();
        }
    }

    /// Keeps the files for which `keep` says so, called with their places in order.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Self, usize) -> bool) {
        let kept: Vec<bool> = (0..self.index.len()).map(|at| keep(self, at)).collect();
        let mut index = std::mem::take(&mut self.index);
        let mut answers = kept.into_iter();
        index.retain(|position| {
            let kept = answers.next().expect("one answer per file");
            if !kept {
                self.release(split(*position).0);
            }
            kept
        });
        self.index = index;
    }

    /// Fills in what attributes left open.
    pub(super) fn resolve(&mut self, defaults: &Attributes) {
        for attributes in &mut self.attributes {
            attributes.mode = attributes.mode.or(defaults.mode);
            attributes.user = attributes.user.or(defaults.user);
            attributes.group = attributes.group.or(defaults.group);
        }
        self.rebuild_attribute_ids();
    }

    /// Changes user and group of all files at once.
    pub(super) fn change_owners(
        &mut self,
        mut change: impl FnMut(&mut Option<OwnerId>, &mut Option<OwnerId>),
    ) {
        for attributes in &mut self.attributes {
            let (mut user, mut group) = (attributes.user.flatten(), attributes.group.flatten());
            change(&mut user, &mut group);
            (attributes.user, attributes.group) = (Some(user), Some(group));
        }
        self.rebuild_attribute_ids();
    }

    fn append(&mut self, name: &[u8], attributes: &Attributes, data: &FileData) -> u64 {
        let name = FileName::split(name);
        let directory = name
            .directory()
            .map_or(0, |directory| self.intern_directory(directory) + 1);
        let attributes = self.intern_attributes(attributes);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        record::encode(
            &mut scratch,
            RecordHead {
                directory,
                attributes,
                base: name.base(),
            },
            data,
        );
        let position = self.store(&scratch);
        self.scratch = scratch;
        position
    }

    /// Stores a record in the last chunk, or in a new one.
    fn store(&mut self, record: &[u8]) -> u64 {
        // Ten bytes are the longest varint.
        let needed = record.len() + 10;
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.capacity() - chunk.len() < needed)
        {
            if let (Some(chunk), Some(0)) = (self.chunks.last_mut(), self.live.last()) {
                *chunk = Vec::new();
            }
            self.chunks.push(Vec::with_capacity(needed.max(CHUNK)));
            self.live.push(0);
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let offset = chunk.len();
        record::put_varint(chunk, record.len() as u64);
        chunk.extend_from_slice(record);
        self.live[number] += 1;
        (number as u64) << 32 | offset as u64
    }

    fn intern_directory(&mut self, directory: &[u8]) -> u32 {
        if self
            .directories
            .get(self.last_directory as usize)
            .is_some_and(|last| **last == *directory)
        {
            return self.last_directory;
        }
        let id = match self.directory_ids.get(directory) {
            Some(id) => *id,
            None => {
                let id = self.directories.len() as u32;
                self.directories.push(directory.into());
                self.directory_ids.insert(directory.into(), id);
                id
            }
        };
        self.last_directory = id;
        id
    }

    fn intern_attributes(&mut self, attributes: &Attributes) -> u32 {
        if let Some(id) = self.attribute_ids.get(attributes) {
            return *id;
        }
        let id = self.attributes.len() as u32;
        self.attributes.push(*attributes);
        self.attribute_ids.insert(*attributes, id);
        id
    }

    /// After a change of attributes in place.
    fn rebuild_attribute_ids(&mut self) {
        self.attribute_ids = self
            .attributes
            .iter()
            .zip(0..)
            .map(|(attributes, id)| (*attributes, id))
            .collect();
    }
}

pub(super) fn known(data: &FileData) -> Attributes {
    Attributes {
        mode: Some(data.mode),
        user: Some(data.user),
        group: Some(data.group),
    }
}

fn split(position: u64) -> (usize, usize) {
    ((position >> 32) as usize, (position & 0xffff_ffff) as usize)
}
