//! One file into all repositories, as fast as the machine allows: the synchronous push.
//!
//! While the repositories are asked what they are and hold, one thread reads the segment and hashes it and another
//! compresses what was read. Nothing is written before the checksum is known, because it is part of the name, and nothing gets
//! its name before it is compared everywhere, because a different segment of the same name must not be touched.

use std::sync::Arc;
use std::sync::mpsc;

use pgkeep_pipeline::{CompressType, Pipeline, Running, Stage};

use super::begun::AllBegun;
use super::existing;
use super::pieces::{self, Give, Piece, ReadAgain};
use super::settings::Settings;
use super::source::{Source, read_hashed, read_piece};
use super::spare::Spare;
use super::store::{Writing, write_to_all};
use super::target::{Targets, check_all, panicked, repository_error};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::run::cancel::Cancel;

/// Up to this many bytes the plain segment is kept in memory between hashing and compressing; a bigger one is read twice.
pub(super) const SHARED_READ: u64 = 64 << 20;
/// Compressed pieces that may wait for the checksum: more than [`SHARED_READ`] has, so hashing never waits for the writer.
const WAITING_PIECES: usize = 320;
/// Plain pieces that may wait for the compression or, where there is none, for the writer. Few stay in the processor's cache.
const PLAIN_AHEAD: usize = 16;
/// Compressed bytes that are handed on at once.
pub(super) const PIECE: usize = 256 << 10;

/// Pushes one file and returns warnings.
///
/// # Errors
/// [`ErrorCode::Command`] with the list when one repository failed, even if others have the file now: PostgreSQL must
/// keep its copy. Other codes when the file itself is not right.
pub(super) fn push_file(
    context: &Context,
    settings: &Settings,
    source: &Source,
) -> Result<Vec<String>> {
    if source.is_segment() {
        return std::thread::scope(|scope| push_segment(scope, context, settings, source));
    }
    let targets = check_all(context, settings)?;
    let mut read = source.open()?;
    let mut pieces = std::iter::from_fn(|| match read_piece(&mut *read, settings.buffer_size) {
        Ok(piece) if piece.is_empty() => None,
        other => Some(other.map(Arc::new)),
    });
    let errors = write(
        context,
        settings,
        &targets,
        &source.stored_name(None, settings.compress),
        &mut pieces,
    )?;
    conclude(targets.errors, errors, Vec::new())
}

fn push_segment<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    context: &'scope Context,
    settings: &'scope Settings,
    source: &'scope Source,
) -> Result<Vec<String>> {
    // A file that cannot be looked at is reported by the thread that opens it.
    // Without compression nothing is gained by keeping it: reading it again from the kernel's cache costs less than memory.
    let plain_only = settings.compress == CompressType::None;
    let shared = !plain_only && source.size().is_ok_and(|size| size <= SHARED_READ);
    let (tell_first, first) = mpsc::channel::<Vec<u8>>();
    let (give_plain, plain) = pieces::channel(PLAIN_AHEAD);
    let (give_piece, pieces) = pieces::channel(if plain_only {
        PLAIN_AHEAD
    } else {
        WAITING_PIECES
    });
    let spare = Arc::new(Spare::default());
    let used = Arc::clone(&spare);
    let hashing = scope.spawn(move || {
        let mut begun = false;
        // Small pieces: the compression begins sooner and finds them in the processor's cache.
        let piece = settings.buffer_size.min(PIECE);
        let hashed = source.open().and_then(|read| {
            read_hashed(
                read,
                || spare.take(piece),
                &context.cancel,
                |buffer| {
                    if !begun {
                        begun = true;
                        // Whoever does not listen any more has found an error already; that one is reported.
                        let _ = tell_first.send(buffer.iter().copied().take(512).collect());
                    }
                    let buffer = Arc::new(buffer);
                    if shared {
                        let _ = give_plain.piece(buffer);
                    } else {
                        spare.give(buffer);
                    }
                    Ok(())
                },
            )
        });
        // Who hears nothing of the first piece waits for the checksum.
        drop(tell_first);
        give_plain.end(hashed.clone().map(|_| None));
        hashed
    });
    scope.spawn(move || {
        let running = compression(settings);
        let cancel = &context.cancel;
        let result = if shared {
            let used = |piece| used.give(piece);
            compress(running, plain, &give_piece, cancel, used).map(|()| None)
        } else {
            drop(plain);
            let mut again = ReadAgain::of(pieces_of(source, settings));
            compress(running, again.by_ref(), &give_piece, cancel, drop)
                .map(|()| Some(again.checksum()))
        };
        give_piece.end(result);
    });

    let targets = check_all(context, settings)?;
    std::thread::scope(|asking| {
        let asked = existing::ask(asking, context, settings, &targets.fit, &source.name);
        let hash = || hashing.join().unwrap_or_else(|_| Err(panicked()));
        let checksum = match first.recv() {
            Ok(first) => {
                source.check_header(&first, settings, &targets.identity)?;
                hash()?
            }
            // Nothing was read: an error, or an empty file, whose header is too short.
            Err(_) => {
                let checksum = hash()?;
                source.check_header(&[], settings, &targets.identity)?;
                checksum
            }
        };
        let name = source.stored_name(Some(checksum), settings.compress);
        let mut pieces = pieces.of(&source.shown, checksum);
        let mut begun = AllBegun::open(
            settings,
            &targets.fit,
            asked,
            (&name, checksum),
            &context.cancel,
        );
        begun.push(&mut pieces, &context.cancel)?;
        let judged = begun.judge(settings, &source.name, checksum, &context.cancel)?;
        let mut errors = judged.errors;
        if !judged.wanted.is_empty() {
            errors.extend(write_to_all(judged.wanted, &mut pieces, &context.cancel)?);
        }
        drop(judged.unwanted);
        conclude(targets.errors.clone(), errors, judged.warnings)
    })
}

/// Writes to all repositories and returns their errors.
fn write(
    context: &Context,
    settings: &Settings,
    targets: &Targets,
    name: &str,
    pieces: &mut dyn Iterator<Item = Piece>,
) -> Result<Vec<String>> {
    let (mut writings, mut errors) = (Vec::new(), Vec::new());
    for target in &targets.fit {
        match Writing::open(settings, target, name) {
            Ok(writing) => writings.push(writing),
            Err(error) => errors.push(repository_error(target.repository.key, &error)),
        }
    }
    errors.extend(write_to_all(writings, pieces, &context.cancel)?);
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
    Err(encountered(&errors))
}

/// The error of a push that some repositories did not take.
pub(super) fn encountered(errors: &[String]) -> Error {
    Error::new(
        ErrorCode::Command,
        format!(
            "archive-push command encountered error(s):\n{}",
            errors.join("\n")
        ),
    )
}

/// The compression of segments.
pub(super) fn compression(settings: &Settings) -> Running {
    let stage = Stage::Compress {
        kind: settings.compress,
        level: settings.level,
        raw: false,
    };
    Pipeline::new(vec![stage]).start(settings.buffer_size)
}

/// The file read once more, for segments too big to be kept.
pub(super) fn pieces_of(source: &Source, settings: &Settings) -> impl Iterator<Item = Piece> {
    let mut read = None;
    let (source, buffer_size) = (source.clone(), settings.buffer_size);
    std::iter::from_fn(move || {
        if read.is_none() {
            match source.open() {
                Ok(opened) => read = Some(opened),
                Err(error) => return Some(Err(error)),
            }
        }
        match read_piece(&mut **read.as_mut()?, buffer_size) {
            Ok(piece) if piece.is_empty() => None,
            other => Some(other.map(Arc::new)),
        }
    })
}

/// Compresses plain pieces into what is stored. Ends early when nobody takes the result.
fn compress(
    mut running: Running,
    plain: impl Iterator<Item = Piece>,
    give: &Give,
    cancel: &Cancel,
    mut used: impl FnMut(Arc<Vec<u8>>),
) -> Result<()> {
    let through = running.passes_through();
    let mut out = Vec::with_capacity(PIECE);
    for piece in plain {
        cancel.check()?;
        let piece = piece?;
        if through {
            if give.piece(piece).is_err() {
                return Ok(());
            }
            continue;
        }
        running.push(&piece, &mut out)?;
        used(piece);
        if out.len() >= PIECE
            && give
                .piece(Arc::new(std::mem::replace(
                    &mut out,
                    Vec::with_capacity(PIECE),
                )))
                .is_err()
        {
            return Ok(());
        }
    }
    running.finish(&mut out)?;
    if !out.is_empty() {
        let _ = give.piece(Arc::new(out));
    }
    Ok(())
}
