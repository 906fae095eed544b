//! One file into all repositories, as fast as the machine allows: the synchronous push.
//!
//! While the repositories are opened and searched for the segment, one thread reads and hashes it and another compresses what
//! was read. Nothing is written before the checksum is known, because it is part of the name. Nothing gets its name before it
//! is compared everywhere, because a different segment of the same name must not be touched.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc;

use pgkeep_pipeline::CompressType;

use super::repositories::{Targets, check_all, push_error, repository_error};
use super::segment::WalFile;
use super::segment::compress::{CHUNK_SIZE, IN_MEMORY_MAX, compress, compression};
use super::segment::duplicate;
use super::segment::read::{self, BufferPool, Chunk, Rehash, chunks_of, read_chunks, read_hashed};
use super::segment::store::{ArchiveWrite, SpeculativeWrites, write_to_all};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::run::Context;

/// Compressed chunks that may wait for the checksum: more than [`IN_MEMORY_MAX`] has, so hashing never waits for the writer.
const COMPRESSED_AHEAD: usize = 320;
/// Plain chunks that may wait for the compression or, where there is none, for the writer. Few stay in the processor's cache.
const PLAIN_AHEAD: usize = 16;
/// Bytes of the first chunk that are kept for the check of the header.
const HEADER_KEPT: usize = 512;

/// Pushes one file and returns warnings.
///
/// # Errors
/// [`crate::error::ErrorCode::Command`] with the list when one repository failed, even if others have the file now:
/// PostgreSQL must keep its copy. Other codes when the file itself is not right.
pub(super) fn push_file(
    context: &Context,
    settings: &Settings,
    file: &WalFile,
) -> Result<Vec<String>> {
    if file.is_segment() {
        return std::thread::scope(|scope| push_segment(scope, context, settings, file));
    }
    let mut targets = check_all(context, settings)?;
    let mut missing = Vec::new();
    for target in targets.usable {
        if !duplicate::small_file_is_there(settings, &target, file)? {
            missing.push(target);
        }
    }
    targets.usable = missing;
    let mut chunks = read_chunks(file.open()?, settings.buffer_size);
    let errors = write(
        context,
        settings,
        &targets,
        &file.stored_name(None, settings.compress),
        &mut chunks,
    )?;
    conclude(targets.errors, errors, Vec::new())
}

fn push_segment<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    context: &'scope Context,
    settings: &'scope Settings,
    file: &'scope WalFile,
) -> Result<Vec<String>> {
    // A file that cannot be looked at is reported by the thread that opens it.
    // Without compression nothing is gained by keeping it: reading it again from the kernel's cache costs less than memory.
    let plain_only = settings.compress == CompressType::None;
    let in_memory = !plain_only && file.size().is_ok_and(|size| size <= IN_MEMORY_MAX);
    let (send_header, header) = mpsc::channel::<Vec<u8>>();
    let (send_plain, plain) = read::channel(PLAIN_AHEAD);
    let (send_chunk, chunks) = read::channel(if plain_only {
        PLAIN_AHEAD
    } else {
        COMPRESSED_AHEAD
    });
    let buffers = Arc::new(BufferPool::default());
    let used_buffers = Arc::clone(&buffers);
    let hashing = scope.spawn(move || {
        let mut first = true;
        let size = settings.buffer_size.min(CHUNK_SIZE);
        let hashed = file.open().and_then(|read| {
            read_hashed(
                read,
                || buffers.take(size),
                &context.cancel,
                |buffer| {
                    if std::mem::take(&mut first) {
                        // Whoever does not receive any more has found an error already; that one is reported.
                        let _ =
                            send_header.send(buffer.iter().copied().take(HEADER_KEPT).collect());
                    }
                    let chunk = Arc::new(buffer);
                    if in_memory {
                        let _ = send_plain.send(chunk);
                    } else {
                        buffers.put_back(chunk);
                    }
                    Ok(())
                },
            )
        });
        // Who receives no header waits for the checksum.
        drop(send_header);
        send_plain.end(hashed.clone().map(|_| None));
        hashed
    });
    scope.spawn(move || {
        let running = compression(settings);
        let cancel = &context.cancel;
        // Ends early when nobody takes the result.
        let emit = |chunk| match send_chunk.send(chunk) {
            Ok(()) => ControlFlow::Continue(()),
            Err(read::NoReceiver) => ControlFlow::Break(()),
        };
        let result = if in_memory {
            let used = |chunk| used_buffers.put_back(chunk);
            compress(running, plain, cancel, used, emit).map(|()| None)
        } else {
            drop(plain);
            let mut second = Rehash::new(chunks_of(file, settings.buffer_size));
            compress(running, second.by_ref(), cancel, drop, emit).map(|()| Some(second.checksum()))
        };
        send_chunk.end(result);
    });

    let targets = check_all(context, settings)?;
    std::thread::scope(|lookup_scope| {
        let lookups =
            duplicate::look_up(lookup_scope, context, settings, &targets.usable, &file.name);
        let hash = || hashing.join().unwrap_or_else(|_| Err(Error::panicked()));
        let checksum = match header.recv() {
            Ok(header) => {
                file.check_header(&header, settings, &targets.identity)?;
                hash()?
            }
            // Nothing was read: an error, or an empty file, whose header is too short.
            Err(_) => {
                let checksum = hash()?;
                file.check_header(&[], settings, &targets.identity)?;
                checksum
            }
        };
        let name = file.stored_name(Some(checksum), settings.compress);
        let mut chunks = chunks.with_checksum(&file.shown, checksum);
        let mut writes = SpeculativeWrites::open(
            settings,
            &targets.usable,
            lookups,
            (&name, checksum),
            &context.cancel,
        );
        writes.push(&mut chunks, &context.cancel)?;
        let decided = writes.decide(settings, &file.name, checksum, &context.cancel)?;
        let mut errors = decided.errors;
        if !decided.wanted.is_empty() {
            errors.extend(write_to_all(decided.wanted, &mut chunks, &context.cancel)?);
        }
        drop(decided.unwanted);
        conclude(targets.errors.clone(), errors, decided.warnings)
    })
}

/// Writes to all repositories and returns their errors.
fn write(
    context: &Context,
    settings: &Settings,
    targets: &Targets,
    name: &str,
    chunks: &mut dyn Iterator<Item = Result<Chunk>>,
) -> Result<Vec<String>> {
    let (mut writes, mut errors) = (Vec::new(), Vec::new());
    for target in &targets.usable {
        match ArchiveWrite::open(settings, target, name) {
            Ok(write) => writes.push(write),
            Err(error) => errors.push(repository_error(target.repository.key, &error)),
        }
    }
    errors.extend(write_to_all(writes, chunks, &context.cancel)?);
    Ok(errors)
}

fn conclude(
    mut errors: Vec<String>,
    more: Vec<String>,
    warnings: Vec<String>,
) -> Result<Vec<String>> {
    errors.extend(more);
    if errors.is_empty() {
        return Ok(warnings);
    }
    Err(push_error(&errors))
}
