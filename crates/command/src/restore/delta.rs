//! Delta restore: may a file that is there stay as it is?
//!
//! By checksum, or with force by size and time. A file that must change but is stored block-incrementally gives the
//! checksums of its blocks, so that only blocks that differ are fetched.

use std::io::Read;
use std::sync::Arc;

use pgkeep_pipeline::Sha1;
use pgkeep_pipeline::block::checksum;
use pgkeep_repo::manifest::FileData;
use pgkeep_storage::wrap::limited::LimitedRead;
use pgkeep_storage::{FileType, InfoLevel, ReadOptions, StoragePath};

use super::modes;
use super::worker::Worker;
use crate::error::{Error, ErrorCode, Result};
use crate::run::moved::Count;

/// What is there already.
#[derive(Debug)]
pub(super) enum OnDisk {
    /// Nothing of use.
    Nothing,
    /// The file as it was in the backup.
    Same,
    /// Blocks of which some may be those of the backup: hash and length of each.
    Blocks(Vec<([u8; checksum::MAX_SIZE], u32)>),
}

/// Compares the file in the target with the backup's.
///
/// # Errors
/// When it cannot be read, truncated, or given its time.
pub(super) fn compare(
    worker: &Worker<'_>,
    place: &StoragePath,
    data: &FileData,
    count: &mut Count<'_>,
) -> Result<OnDisk> {
    let tree = worker.tree;
    let Some(info) = tree.info(place, InfoLevel::Basic)? else {
        return Ok(OnDisk::Nothing);
    };
    if info.kind != FileType::File {
        return Ok(OnDisk::Nothing);
    }
    if worker.settings.force {
        let before_copy = info.modified < worker.manifest.backup.timestamp_copy_start;
        let same = info.size == data.size && info.modified == data.timestamp && before_copy;
        return Ok(if same { OnDisk::Same } else { OnDisk::Nothing });
    }
    let blocks = data
        .block
        .filter(|block| block.map_size > 0 && block.size > 0);
    if info.size < data.size && (blocks.is_none() || info.size == 0) {
        return Ok(OnDisk::Nothing);
    }
    if info.size > data.size {
        // It may only have grown since; what is too much goes in any case.
        let file = tree.open_update(place, modes::file_at_work(data.mode))?;
        let cut = file.set_len(data.size).and_then(|()| {
            if worker.sync_files {
                file.sync_all()
            } else {
                Ok(())
            }
        });
        cut.map_err(|error| {
            Error::new(
                ErrorCode::FileWrite,
                format!("unable to truncate file '{}': {error}", tree.display(place)),
            )
        })?;
    }
    let size = info.size.min(data.size);
    let found = read(worker, place, size, blocks.map(|block| block.size), count)?;
    if size == data.size && data.checksum == Some(found.sha1.finish()) {
        if info.modified != data.timestamp || info.size != data.size {
            tree.set_modified(place, data.timestamp)?;
        }
        if worker.sync_files {
            // It may be of a restore that was killed before it flushed the file. One that is on disk costs next to nothing.
            let file = tree.open_update(place, modes::file_at_work(data.mode))?;
            file.sync_all().map_err(|error| {
                let shown = tree.display(place);
                Error::new(
                    ErrorCode::FileSync,
                    format!("unable to sync file '{shown}': {error}"),
                )
            })?;
        }
        return Ok(OnDisk::Same);
    }
    Ok(if blocks.is_some() {
        OnDisk::Blocks(found.blocks)
    } else {
        OnDisk::Nothing
    })
}

struct Hashes {
    sha1: Sha1,
    blocks: Vec<([u8; checksum::MAX_SIZE], u32)>,
}

/// Hashes a file as a whole and, if wanted, each block of it.
fn read(
    worker: &Worker<'_>,
    place: &StoragePath,
    size: u64,
    block_size: Option<u64>,
    count: &mut Count<'_>,
) -> Result<Hashes> {
    let mut found = Hashes {
        sha1: Sha1::new(),
        blocks: Vec::new(),
    };
    if size == 0 {
        return Ok(found);
    }
    let options = ReadOptions {
        expect: Some(size),
        ..ReadOptions::default()
    };
    let mut source = worker.tree.open_read(place, &options)?;
    if let Some(limit) = &worker.limit {
        source = Box::new(LimitedRead::new(source, Arc::clone(limit)));
    }
    let mut source = source.take(size);
    let mut buffer = worker.buffer();
    // Whole blocks in one read, so that none is cut in two.
    let block = block_size.and_then(|size| usize::try_from(size).ok());
    if let Some(block) = block {
        // No block is larger than its file, whatever the manifest says.
        let largest = usize::try_from(size).unwrap_or(usize::MAX).min(block);
        let whole = (buffer.len() / block * block).max(largest);
        buffer.resize(whole, 0);
    }
    loop {
        worker.context.cancel.check()?;
        let mut filled = 0;
        while filled < buffer.len() {
            match source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(got) => filled += got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let bytes = &buffer[..filled];
        found.sha1.update(bytes);
        count.add(bytes.len() as u64);
        if let Some(block) = block {
            found.blocks.extend(
                bytes
                    .chunks(block)
                    .map(|block| (checksum::of(block), block.len() as u32)),
            );
        }
        if filled < buffer.len() {
            break;
        }
    }
    worker.buffers.put_back(buffer);
    Ok(found)
}
