//! Bringing one file: decrypted, decompressed, and compared with the checksum in its name.
//!
//! The copies are tried in turn. A copy that turns out damaged is not handed over, as PostgreSQL would take bad WAL for
//! the end of it. The checksum is compared before the file gets its name.

use std::io::{Read, Write};

use pgkeep_pipeline::{CompressType, Pipeline, Stage};
use pgkeep_storage::{ReadOptions, StorageWrite};

use super::archives::Archives;
use super::find::Candidate;
use super::hashed_write::{CHUNK, HashedWrite};
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// Which copy was taken, and what was wrong with those before it.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Index in the list of copies.
    pub copy: usize,
    pub warnings: Vec<String>,
}

/// Writes the first good copy to what `open` opens and finishes that.
///
/// # Errors
/// [`ErrorCode::FileRead`] with the list when no copy could be had.
pub(super) fn fetch(
    archives: &Archives,
    settings: &Settings,
    cancel: &Cancel,
    request: &str,
    copies: &[Candidate],
    open: &dyn Fn() -> Result<Box<dyn StorageWrite>>,
) -> Result<Fetched> {
    let mut warnings = Vec::new();
    let mut damaged = false;
    for (copy, candidate) in copies.iter().enumerate() {
        match copy_one(archives, settings, cancel, candidate, open) {
            Ok(()) => return Ok(Fetched { copy, warnings }),
            Err(error) if error.code == ErrorCode::Term => return Err(error),
            Err(error) => {
                damaged |= matches!(
                    error.code,
                    ErrorCode::Checksum | ErrorCode::Format | ErrorCode::Crypto
                );
                let repository = archives.usable[candidate.archive].repository.name();
                warnings.push(format!(
                    "{repository}: {} {}",
                    candidate.file,
                    error.named_text()
                ));
            }
        }
    }
    let error = Error::new(
        ErrorCode::FileRead,
        format!("unable to get {request}:\n{}", warnings.join("\n")),
    );
    Err(match damaged {
        true => error.with_hint(
            "what is stored is damaged; run verify to find out what else is, and which moments can still be restored to.",
        ),
        false => error,
    })
}

fn copy_one(
    archives: &Archives,
    settings: &Settings,
    cancel: &Cancel,
    candidate: &Candidate,
    open: &dyn Fn() -> Result<Box<dyn StorageWrite>>,
) -> Result<()> {
    let archive = &archives.usable[candidate.archive];
    let mut stages = Vec::new();
    if let Some(pass) = archive.pass.clone() {
        stages.push(Stage::Decrypt { pass, raw: false });
    }
    let kind = CompressType::from_extension(&candidate.file);
    if kind != CompressType::None {
        stages.push(Stage::Decompress { kind, raw: false });
    }
    let options = ReadOptions {
        compressible: stages.is_empty() && candidate.checksum.is_some(),
        ..ReadOptions::default()
    };
    let storage = &archive.repository.storage;
    let mut read = storage.open_read(&candidate.path, &options)?;
    let mut running = Pipeline::new(stages).start(settings.buffer_size.min(CHUNK));
    let copy = move |write: &mut dyn Write| -> Result<()> {
        let mut buffer = vec![0; settings.buffer_size];
        loop {
            cancel.check()?;
            let got = read.read(&mut buffer)?;
            if got == 0 {
                break;
            }
            running.push_into(&buffer[..got], write)?;
        }
        running.finish_into(write)?;
        Ok(())
    };
    let Some(expected) = &candidate.checksum else {
        let mut write = open()?;
        copy(&mut write)?;
        write.finish()?.wait()?;
        return Ok(());
    };
    let (write, actual) = std::thread::scope(|scope| {
        let mut write = HashedWrite::begin(scope, open()?);
        let copied = copy(&mut write);
        // If it could not be written, that is why no more could be copied.
        let written = write.end()?;
        copied.map(|()| written)
    })?;
    let actual = actual.to_string();
    if *expected != actual {
        let text = format!("checksum of the segment is '{actual}' but its name says '{expected}'");
        return Err(Error::new(ErrorCode::Checksum, text));
    }
    write.finish()?.wait()?;
    Ok(())
}
