//! Verifies the pieces of a file while its bytes pass.

use pgkeep_pipeline::{Pipeline, Report, Running, Stage};

use super::piece::{Check, Fault, Piece};
use crate::error::{Error, ErrorCode};

/// The pieces of one file, in order, and how far its bytes have come.
pub(super) struct Checks<'a> {
    pieces: std::slice::Iter<'a, Piece>,
    /// The piece in hand, and what it passes.
    now: Option<(&'a Piece, Running)>,
    position: u64,
    buffer_size: usize,
}

impl<'a> Checks<'a> {
    pub(super) fn new(pieces: &'a [Piece], buffer_size: usize) -> Result<Self, Fault> {
        let mut checks = Self {
            pieces: pieces.iter(),
            now: None,
            position: 0,
            buffer_size,
        };
        checks.next()?;
        Ok(checks)
    }

    /// Goes to the next piece; those of nothing are done at once.
    fn next(&mut self) -> Result<(), Fault> {
        loop {
            let Some(piece) = self.pieces.next() else {
                return Ok(());
            };
            if piece.offset < self.position {
                return Err(Fault::Other(Error::new(
                    ErrorCode::Format,
                    "files of the bundle overlap in the manifest",
                )));
            }
            let mut stages = match &piece.check {
                Check::Content { stages, .. } => stages.clone(),
                Check::Unknown => return Err(Fault::Checksum),
                Check::Stored(_) | Check::None => Vec::new(),
            };
            stages.extend([Stage::Sha1, Stage::Size]);
            let running = Pipeline::new(stages).start(self.buffer_size);
            if piece.size != Some(0) {
                self.now = Some((piece, running));
                return Ok(());
            }
            verdict(piece, running)?;
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn update(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while let Some((piece, running)) = &mut self.now
            && !bytes.is_empty()
        {
            let most = bytes.len() as u64;
            let before = piece.offset.saturating_sub(self.position).min(most);
            let left = piece.size.map_or(most, |size| {
                let end = piece.offset.saturating_add(size);
                end.saturating_sub(self.position.max(piece.offset))
            });
            let taken = left.min(most - before);
            let (skip, take) = (before as usize, (before + taken) as usize);
            running
                .push_into(&bytes[skip..take], &mut std::io::sink())
                .map_err(|error| Fault::from(Error::from(error)))?;
            self.position += before + taken;
            bytes = &bytes[take..];
            if piece.size.is_some()
                && taken == left
                && let Some((piece, running)) = self.now.take()
            {
                verdict(piece, running)?;
                self.next()?;
            }
        }
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// The file has ended.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        match self.now.take() {
            None => Ok(()),
            Some((piece, running)) if piece.size.is_none() => {
                verdict(piece, running)?;
                match self.pieces.next() {
                    None => Ok(()),
                    Some(_) => Err(Fault::Size),
                }
            }
            Some(_) => Err(Fault::Size),
        }
    }
}

fn verdict(piece: &Piece, running: Running) -> Result<(), Fault> {
    let reports = running
        .finish_into(&mut std::io::sink())
        .map_err(|error| Fault::from(Error::from(error)))?;
    let [.., Report::Sha1(found), Report::Size(bytes)] = &reports[..] else {
        return Err(Fault::Other(Error::new(
            ErrorCode::Assert,
            "a stage of the pipeline did not report",
        )));
    };
    match &piece.check {
        Check::Stored(sha1) if sha1 != found => Err(Fault::Checksum),
        Check::Content { sha1, .. } if sha1 != found => Err(Fault::Checksum),
        Check::Content {
            size: Some(size), ..
        } if size != bytes => Err(Fault::Size),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_pipeline::Sha1Digest;

    use super::*;

    fn piece(offset: u64, bytes: &[u8]) -> Piece {
        Piece {
            position: 0,
            offset,
            size: Some(bytes.len() as u64),
            check: Check::Stored(Sha1Digest::of(bytes)),
        }
    }

    fn check(pieces: &[Piece], file: &[u8], step: usize) -> Result<(), Fault> {
        let mut checks = Checks::new(pieces, 16)?;
        for bytes in file.chunks(step) {
            checks.update(bytes)?;
        }
        checks.finish()
    }

    #[test]
    fn pieces_are_found_whatever_lies_between_them_and_however_the_bytes_come() {
        let file = b"..one.twoempty..three....";
        let pieces = [
            piece(2, b"one"),
            piece(6, b"two"),
            piece(9, b""),
            piece(16, b"three"),
        ];
        for step in 1..=file.len() {
            check(&pieces, file, step).unwrap();
            // Each byte of a piece counts, no other does.
            for at in 0..file.len() {
                let mut other = *file;
                other[at] ^= 1;
                let inside = [2..5, 6..9, 16..21].iter().any(|range| range.contains(&at));
                assert_eq!(
                    check(&pieces, &other, step).is_err(),
                    inside,
                    "{at}, {step}"
                );
            }
            assert!(check(&pieces, &file[..20], step).is_err());
        }
    }

    #[test]
    fn pieces_that_overlap_or_have_no_checksum_are_refused() {
        let file = b"one";
        assert!(check(&[piece(0, b"one"), piece(2, b"e")], file, 3).is_err());
        let unknown = Piece {
            position: 0,
            offset: 0,
            size: None,
            check: Check::Unknown,
        };
        assert!(check(&[unknown], file, 3).is_err());
    }
}
