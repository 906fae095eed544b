//! Restoring a file that is stored block-incrementally (`docs/format/block-incremental.md`).
//!
//! The map at the end of the stored form says where each block lies, perhaps in older backups. Only blocks that the
//! target does not have are fetched: few, merged reads in order for each repository file. The checksum of the whole file
//! is built on the way while blocks come in file order, else the file is read once more.

use std::io::{Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use pgkeep_pipeline::block::delta::{self, DeltaBlocks, DeltaFile, DeltaRead, DeltaSettings};
use pgkeep_pipeline::block::map::BlockMap;
use pgkeep_pipeline::{Pipeline, Sha1, Sha1Digest, Stage};
use pgkeep_repo::layout::{self, StoredAs};
use pgkeep_repo::manifest::{BlockFile, FileRef};
use pgkeep_storage::posix::write_failure;
use pgkeep_storage::{Range, ReadOptions, StoragePath};

use super::block_writer::BlockWriter;
use super::damage::Failed;
use super::delta::OnDisk;
use super::modes;
use super::worker::Worker;
use crate::error::{Error, ErrorCode, Result};
use crate::run::moved::Count;

/// Super blocks closer than this are read in one go, bytes.
const MERGE_DISTANCE: u64 = 256 * 1024;
/// A stored file up to this size is read whole with its map when nothing of it is there yet, bytes.
const READ_WHOLE: u64 = 4 << 20;
/// A step of the fetch.
type Step<T> = std::result::Result<T, Failed>;

fn unusable(file: &FileRef<'_>, why: &str) -> Failed {
    Failed::Repository(invalid(file, why))
}

fn invalid(file: &FileRef<'_>, why: &str) -> Error {
    Error::new(
        ErrorCode::Format,
        format!("block incremental file '{}': {why}", file.name),
    )
}

/// The part of the repository file that is read first; its end is the end of the map.
pub(super) fn first_range(file: &FileRef<'_>, map_size: u64, nothing_there: bool) -> Result<Range> {
    let start = file.bundle.map_or(0, |bundle| bundle.offset);
    let data = file
        .repo_size
        .checked_sub(map_size)
        .ok_or_else(|| invalid(file, "the map is larger than the file"))?;
    let (skip, length) = if nothing_there && file.repo_size <= READ_WHOLE {
        (0, file.repo_size)
    } else {
        (data, map_size)
    };
    let offset = start
        .checked_add(skip)
        .ok_or_else(|| invalid(file, "position is out of range"))?;
    Ok(Range {
        offset,
        length: Some(length),
    })
}

/// Fetches the blocks that are missing; `source` gives the bytes of `range`. Returns the checksum of the file and the
/// bytes that were fetched.
pub(super) fn fetch(
    worker: &Worker<'_>,
    file: &FileRef<'_>,
    place: &StoragePath,
    existing: &OnDisk,
    range: Range,
    source: &mut dyn Read,
    count: &mut Count<'_>,
) -> Step<(Sha1Digest, u64)> {
    let block = file
        .block
        .ok_or_else(|| unusable(file, "there is no block size"))?;
    let length = range
        .length
        .ok_or_else(|| unusable(file, "there is no map"))?;
    let mut stored = Vec::new();
    if source.take(length).read_to_end(&mut stored)? as u64 != length {
        return Err(unusable(file, "unexpected end of the stored file"));
    }
    let data_size = usize::try_from(length - block.map_size)
        .map_err(|_| unusable(file, "size is out of range"))?;
    let (data, map) = stored.split_at(data_size);
    let map = decode_map(worker, file, block, map)?;
    let plan = delta::plan(
        &map,
        |number, item| needs(file, block, existing, number, &item.checksum),
        MERGE_DISTANCE,
    )?;
    let settings = DeltaSettings {
        block_size: usize::try_from(block.size)
            .map_err(|_| unusable(file, "block size is out of range"))?,
        compress: worker.manifest.options.compress_type,
        pass: worker.manifest.cipher_pass.clone(),
    };
    let update = worker
        .tree
        .open_update(place, modes::file_at_work(file.mode))
        .map_err(|error| Failed::Target(error.into()))?;
    let failed = |error: std::io::Error| {
        let name = worker.tree.display(place);
        Failed::Target(write_failure(Path::new(&name), &error).into())
    };
    if !matches!(existing, OnDisk::Blocks(_)) {
        // Whatever is there is not what was asked for.
        update.set_len(0).map_err(failed)?;
    }
    update.set_len(file.size).map_err(failed)?;
    let own = Own {
        data,
        start: range.offset,
        file,
    };
    let mut writer = BlockWriter::new(
        &update,
        block.size,
        file.size,
        count,
        worker.limit.as_deref(),
    );
    for read_file in &plan {
        own.or_repository(worker, read_file, &settings, &mut writer, &failed)?;
    }
    let (in_order, fetched) = writer.finish().map_err(failed)?;
    let sha1 = match in_order {
        Some(sha1) => sha1,
        None => hash(worker, &update, file.size).map_err(Failed::Target)?,
    };
    worker
        .complete(file, place, &update)
        .map_err(Failed::Target)?;
    Ok((sha1, fetched))
}

fn decode_map(
    worker: &Worker<'_>,
    file: &FileRef<'_>,
    block: BlockFile,
    bytes: &[u8],
) -> Step<BlockMap> {
    let mut plain = Vec::new();
    let bytes = match &worker.manifest.cipher_pass {
        None => bytes,
        Some(pass) => {
            let stages = vec![Stage::Decrypt {
                pass: pass.clone(),
                raw: true,
            }];
            let mut running = Pipeline::new(stages).start(bytes.len().max(1));
            running.push(bytes, &mut plain)?;
            running.finish(&mut plain)?;
            &plain
        }
    };
    let size =
        |value: u64| usize::try_from(value).map_err(|_| unusable(file, "size is out of range"));
    let (block_size, checksum_size) = (size(block.size)?, size(block.checksum_size.into())?);
    let map = BlockMap::decode(bytes, block_size, checksum_size)?;
    map.check(file.size, block_size, worker.manifest.references.len())?;
    Ok(map)
}

/// Whether a block has to be fetched: the target has no block of the same length and checksum there.
fn needs(
    file: &FileRef<'_>,
    block: BlockFile,
    existing: &OnDisk,
    number: u64,
    checksum: &[u8],
) -> bool {
    let OnDisk::Blocks(blocks) = existing else {
        return true;
    };
    let Some((found, length)) = usize::try_from(number)
        .ok()
        .and_then(|number| blocks.get(number))
    else {
        return true;
    };
    let wanted_length = file
        .size
        .saturating_sub(number.saturating_mul(block.size))
        .min(block.size);
    let used = (block.checksum_size as usize).min(found.len());
    u64::from(*length) != wanted_length || found[..used] != checksum[..used]
}

/// The stored bytes of the file that were read together with its map.
struct Own<'a> {
    data: &'a [u8],
    /// Where they begin in the repository file.
    start: u64,
    file: &'a FileRef<'a>,
}

impl Own<'_> {
    /// Decodes the needed blocks of one repository file, from memory where they are there.
    fn or_repository(
        &self,
        worker: &Worker<'_>,
        plan: &DeltaFile,
        settings: &DeltaSettings,
        writer: &mut BlockWriter<'_, '_>,
        failed: &dyn Fn(std::io::Error) -> Failed,
    ) -> Step<()> {
        let label = worker
            .manifest
            .references
            .get(plan.reference as usize)
            .ok_or_else(|| unusable(self.file, "unknown reference"))?;
        let own = worker.manifest.holder(self.file) == Some(label)
            && plan.bundle_id == self.file.bundle.map_or(0, |bundle| bundle.id);
        if own
            && let Some(slices) = plan
                .reads
                .iter()
                .map(|read| self.slice(read))
                .collect::<Option<Vec<_>>>()
        {
            return plan.reads.iter().zip(slices).try_for_each(|(read, bytes)| {
                blocks(worker, settings, read, Cursor::new(bytes), writer, failed)
            });
        }
        let stored = if plan.bundle_id == 0 {
            StoredAs::Blocks
        } else {
            StoredAs::Bundle(plan.bundle_id)
        };
        let path = layout::backup_file(
            &worker.settings.stanza,
            label,
            &self.file.name.to_vec(),
            stored,
        );
        let ranges = plan.reads.iter().map(|read| Range {
            offset: read.offset,
            length: Some(read.size),
        });
        let expect = plan
            .reads
            .iter()
            .map(|read| read.size)
            .fold(0, u64::saturating_add);
        let options = ReadOptions {
            ranges: ranges.collect(),
            expect: Some(expect),
            lazy_open: true,
            compressible: worker.is_compressible(),
        };
        let fetched = worker
            .repository
            .storage
            .open_read(&path, &options)
            .map_err(Failed::from)
            .and_then(|mut source| {
                plan.reads.iter().try_for_each(|read| {
                    let source = (&mut source).take(read.size);
                    blocks(worker, settings, read, source, writer, failed)
                })
            });
        fetched.map_err(|failed| failed.in_blocks(&path, label))
    }

    fn slice(&self, read: &DeltaRead) -> Option<&[u8]> {
        let start = usize::try_from(read.offset.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(usize::try_from(read.size).ok()?)?;
        self.data.get(start..end)
    }
}

fn blocks(
    worker: &Worker<'_>,
    settings: &DeltaSettings,
    read: &DeltaRead,
    source: impl Read,
    writer: &mut BlockWriter<'_, '_>,
    failed: &dyn Fn(std::io::Error) -> Failed,
) -> Step<()> {
    let mut blocks = DeltaBlocks::new(settings, read, source);
    while let Some((number, bytes)) = blocks.next_block()? {
        // A stop is reported by the caller, whatever this says.
        worker.context.cancel.check().map_err(Failed::Target)?;
        writer.write(number, bytes).map_err(|error| {
            // Of the two only a block that cannot be is the repository's fault.
            match pgkeep_pipeline::Error::from_io(&error) {
                Some(outside) => outside.clone().into(),
                None => failed(error),
            }
        })?;
    }
    Ok(())
}

/// The checksum of the file as it is now.
fn hash(worker: &Worker<'_>, file: &std::fs::File, size: u64) -> Result<Sha1Digest> {
    let mut sha1 = Sha1::new();
    let mut buffer = worker.buffer();
    let mut offset = 0;
    while offset < size {
        worker.context.cancel.check()?;
        match file.read_at(&mut buffer, offset) {
            Ok(0) => break,
            Ok(got) => {
                if let Some(limit) = &worker.limit {
                    limit.moved(got as u64)?;
                }
                sha1.update(&buffer[..got]);
                offset += got as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    worker.buffers.put_back(buffer);
    Ok(sha1.finish())
}
