//! Writes the files of a backup in another way than they are stored: encrypted, or not any more. Runs on the workers.
//!
//! Nothing is compressed anew. Each slice of a bundle, each super block and each block map is a stream of its own for the cipher, so
//! its size changes, and with it where everything behind it begins. What came out goes back to the main thread, for the manifest.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use pgkeep_pipeline::block::BlockMap;
use pgkeep_pipeline::{Pipeline, Sha1, Stage};
use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{BackupLabel, Manifest};
use pgkeep_storage::{PipelineRead, Range, ReadOptions, Storage, Ticket, WriteOptions};

use super::block_maps::{decode, of_reference, own_reference};
use super::chain::{Chain, Place, SuperBlock, find};
use super::checks::Checks;
use super::out::Out;
use super::piece::{Check, CopyFile, Fault, Piece, READ_MOST};
use crate::error::{Error, ErrorCode, Result};
use crate::jobs::{self, Buffers, OpenedAhead, Outcome};
use crate::run::cancel::Cancel;
use crate::run::moved::{Count, Moved};

/// What all workers share.
pub(super) struct Rewriter<'a> {
    pub from: Arc<dyn Storage>,
    pub to: Arc<dyn Storage>,
    pub cancel: Cancel,
    pub buffer_size: usize,
    pub buffers: &'a Buffers,
    pub moved: Arc<Moved>,
    pub manifest: &'a Manifest,
    pub label: &'a BackupLabel,
    pub chain: &'a Chain,
}

/// Where each piece of a file is now, by its position in the manifest.
pub(super) type Rewritten = std::result::Result<Vec<(u32, Place)>, Fault>;

/// Why a file is not written.
enum Failed {
    /// The file is to blame.
    Fault(Fault),
    /// A storage is, or a stop.
    Fatal(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error.is_about_the_storage() {
            true => Self::Fatal(error),
            false => Self::Fault(error.into()),
        }
    }
}

/// What sees the bytes of the source as they are.
type Seen<'s> = dyn FnMut(&[u8]) -> std::result::Result<(), Fault> + 's;

/// What all files of a job go through.
struct Through<'b, 'c> {
    buffer: &'b mut [u8],
    count: &'b mut Count<'c>,
}

type Step<T> = std::result::Result<T, Failed>;

impl Rewriter<'_> {
    /// Writes files in the order given.
    ///
    /// # Errors
    /// Those of the storages, and a stop; all else is a fault of its file.
    pub(super) fn run(&self, files: &[CopyFile]) -> Result<Outcome<Vec<Rewritten>>> {
        let size = self.buffer_size.clamp(4096, READ_MOST);
        let mut buffer = self.buffers.take(size);
        let result = self.run_with(files, &mut buffer);
        self.buffers.put_back(buffer);
        result
    }

    fn run_with(&self, files: &[CopyFile], buffer: &mut [u8]) -> Result<Outcome<Vec<Rewritten>>> {
        let mut count = Count::new(&self.moved);
        let (mut results, mut tickets) = (Vec::with_capacity(files.len()), Vec::new());
        for (file, read) in OpenedAhead::new(files, |file| file.size, |file| self.open(file)) {
            count.begin(|| file.path.to_string(), file.size);
            let mut through = Through {
                buffer: &mut *buffer,
                count: &mut count,
            };
            match read.and_then(|read| self.file(file, read, &mut through)) {
                Ok((places, ticket)) => {
                    tickets.push(ticket);
                    results.push(Ok(places));
                }
                Err(Failed::Fault(fault)) => results.push(Err(fault)),
                Err(Failed::Fatal(error)) => return Err(error),
            }
            count.finish();
        }
        count.keep();
        Ok(match jobs::all(tickets) {
            Some(ticket) => Outcome::Written(results, ticket),
            None => Outcome::Done(results),
        })
    }

    fn open(&self, file: &CopyFile) -> Step<Box<dyn PipelineRead>> {
        let mut ranges = Vec::new();
        for piece in &file.pieces {
            let file = self.manifest.file_at(piece.position as usize);
            ranges.extend(wanted(piece, &file)?);
        }
        let options = ReadOptions {
            ranges,
            expect: Some(file.size),
            lazy_open: true,
            ..ReadOptions::default()
        };
        let read = self.from.open_read(&file.path, &options);
        Ok(read.map_err(Error::from)?)
    }

    fn file(
        &self,
        file: &CopyFile,
        mut read: Box<dyn PipelineRead>,
        through: &mut Through<'_, '_>,
    ) -> Step<(Vec<(u32, Place)>, Ticket)> {
        let options = WriteOptions {
            sync_path: false,
            ..WriteOptions::default()
        };
        let write = self.to.open_write(&file.path, &options);
        let mut out = Out::new(write.map_err(|error| Failed::Fatal(error.into()))?);
        let mut places = Vec::new();
        for piece in &file.pieces {
            let file = &self.manifest.file_at(piece.position as usize);
            let place = match file.block_map_size() {
                0 => self.whole(piece, file, &mut read, &mut out, through)?,
                _ => self.blocks(piece, file, &mut read, &mut out, through)?,
            };
            places.push((piece.position, place));
        }
        let ticket = out.finish();
        Ok((places, ticket.map_err(|error| Failed::Fatal(error.into()))?))
    }

    /// A file that is stored whole.
    fn whole(
        &self,
        piece: &Piece,
        file: &FileRef<'_>,
        read: &mut dyn Read,
        out: &mut Out,
        through: &mut Through<'_, '_>,
    ) -> Step<Place> {
        let start = out.begin();
        let from_start = Piece {
            offset: 0,
            ..piece.clone()
        };
        let pieces = [from_start];
        let mut checks = Checks::new(&pieces, self.buffer_size).map_err(Failed::Fault)?;
        let raw = self.manifest.stored_raw(file);
        let mut seen = |bytes: &[u8]| checks.update(bytes);
        self.recode(read, (file.repo_size, raw), out, (through, &mut seen))?;
        checks.finish().map_err(Failed::Fault)?;
        Ok(out.place(file, start, 0, Vec::new()))
    }

    /// A file that is stored block by block: its map, then super blocks, each for itself.
    fn blocks(
        &self,
        piece: &Piece,
        file: &FileRef<'_>,
        read: &mut dyn Read,
        out: &mut Out,
        through: &mut Through<'_, '_>,
    ) -> Step<Place> {
        let map_size = file.block_map_size();
        let mut stored = Vec::new();
        let got = read.take(map_size).read_to_end(&mut stored);
        if got.map_err(Error::from)? as u64 != map_size {
            return Err(Failed::Fault(Fault::Size));
        }
        let Check::Stored(expected) = piece.check else {
            return Err(Failed::Fault(Fault::Checksum));
        };
        let map = decode(self.manifest, file, &stored)?;
        let own = own_reference(self.manifest, self.label)
            .ok_or_else(|| format_fault("the manifest does not list its own backup"))?;
        let start = out.begin();
        let mut sha1 = Sha1::new();
        let mut super_blocks = Vec::new();
        let mut position = piece.offset;
        for (old, size) in of_reference(&map, own) {
            if old != position {
                return Err(format_fault("super blocks do not follow each other"));
            }
            let new = out.position();
            let mut seen = |bytes: &[u8]| {
                sha1.update(bytes);
                Ok(())
            };
            self.recode(read, (size, true), out, (through, &mut seen))?;
            position = position.saturating_add(size);
            super_blocks.push(SuperBlock {
                old,
                new,
                size: out.position() - new,
            });
        }
        if position.checked_add(map_size) != piece.offset.checked_add(file.repo_size) {
            return Err(format_fault("super blocks are not all of the file"));
        }
        sha1.update(&stored);
        if sha1.finish() != expected {
            return Err(Failed::Fault(Fault::Checksum));
        }
        let map = self.moved_map(file, &map, own, &super_blocks)?;
        let before = out.position();
        let mut source = &map[..];
        self.encrypt_only(&mut source, out)?;
        let new_map_size = out.position() - before;
        Ok(out.place(file, start, new_map_size, super_blocks))
    }

    /// The plain map with the places of the target.
    fn moved_map(
        &self,
        file: &FileRef<'_>,
        map: &BlockMap,
        own: u32,
        super_blocks: &[SuperBlock],
    ) -> Step<Vec<u8>> {
        let name = file.name.to_vec();
        let mut items = map.items().to_vec();
        for item in &mut items {
            let found = if item.reference == own {
                find(super_blocks, item.offset)
            } else {
                let label = &self.manifest.references[item.reference as usize];
                self.chain.super_block(label, &name, item.offset)
            };
            let found = found.ok_or_else(|| format_fault("a block is where no backup has it"))?;
            (item.offset, item.size) = (found.new, found.size);
        }
        let wrong = || format_fault("there is no block size");
        let block = file.block.ok_or_else(wrong)?;
        let block_size = usize::try_from(block.size).map_err(|_| wrong())?;
        let map = BlockMap::from_items(items).encode(block_size, block.checksum_size as usize);
        Ok(map.map_err(Error::from)?)
    }

    /// Passes bytes of the source through the cipher, and to `seen` as they are.
    fn recode(
        &self,
        read: &mut dyn Read,
        (size, raw): (u64, bool),
        out: &mut Out,
        (through, seen): (&mut Through<'_, '_>, &mut Seen<'_>),
    ) -> Step<()> {
        let stage = match (&self.manifest.cipher_pass, &self.chain.key) {
            (Some(pass), None) => Stage::Decrypt {
                pass: pass.clone(),
                raw,
            },
            (None, Some(pass)) => Stage::Encrypt {
                pass: pass.clone(),
                raw,
            },
            _ => return Err(format_fault("exactly one side is encrypted")),
        };
        let mut running = Pipeline::new(vec![stage]).start(self.buffer_size);
        let buffer = &mut *through.buffer;
        let most = buffer.len();
        let mut left = size;
        while left > 0 {
            self.cancel.check().map_err(Failed::Fatal)?;
            let room = usize::try_from(left).unwrap_or(most).min(most);
            let got = match read.read(&mut buffer[..room]) {
                Ok(0) => return Err(Failed::Fault(Fault::Size)),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::from(error).into()),
            };
            left -= got as u64;
            through.count.add(got as u64);
            seen(&buffer[..got]).map_err(Failed::Fault)?;
            running.push_into(&buffer[..got], out).map_err(whose)?;
        }
        running.finish_into(out).map_err(whose)?;
        Ok(())
    }

    /// Plain bytes of this program's own making, for the target.
    fn encrypt_only(&self, plain: &mut &[u8], out: &mut Out) -> Step<()> {
        let stages = self
            .chain
            .key
            .clone()
            .map(|pass| Stage::Encrypt { pass, raw: true });
        let mut running = Pipeline::new(stages.into_iter().collect()).start(self.buffer_size);
        running.push_into(plain, out).map_err(whose)?;
        running.finish_into(out).map_err(whose)?;
        Ok(())
    }
}

/// What is read of a piece: of a block-incremental file first its map, which says where its super blocks end.
fn wanted(piece: &Piece, file: &FileRef<'_>) -> Step<Vec<Range>> {
    let map_size = file.block_map_size();
    let data = file
        .repo_size
        .checked_sub(map_size)
        .ok_or_else(|| format_fault("the map is larger than the file"))?;
    let range = |offset, length| Range {
        offset,
        length: Some(length),
    };
    if map_size == 0 {
        // Of nothing no range is asked for.
        let some = (data > 0).then(|| range(piece.offset, data));
        return Ok(some.into_iter().collect());
    }
    let map = range(piece.offset.saturating_add(data), map_size);
    Ok(match data {
        0 => vec![map],
        _ => vec![map, range(piece.offset, data)],
    })
}

fn format_fault(what: &str) -> Failed {
    Failed::Fault(Fault::Other(Error::new(ErrorCode::Format, what)))
}

/// An error between the source and the target: a stage fails for the source's bytes, all else is the target's.
fn whose(error: std::io::Error) -> Failed {
    match pgkeep_pipeline::Error::from_io(&error).is_some() {
        true => Failed::Fault(Fault::Other(error.into())),
        false => Failed::Fatal(error.into()),
    }
}
