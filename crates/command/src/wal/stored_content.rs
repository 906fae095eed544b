//! What the bytes of a stored segment are: those that its name promises, or others.

use std::io::Read;

use pgkeep_pipeline::{CompressType, Pipeline, Sha1, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_storage::{ReadOptions, Storage, StoragePath};
use secrecy::SecretString;

use crate::error::Result;
use crate::run::cancel::Cancel;

/// What the bytes of a stored segment are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// They have the checksum of the name.
    Intact,
    /// They have not; the text says why.
    Damaged(String),
}

/// Reads the stored segment to its end: decrypts, decompresses and hashes it.
///
/// # Errors
/// When it cannot be read, which says nothing about its bytes; [`crate::error::ErrorCode::Term`].
pub fn check(
    storage: &dyn Storage,
    path: &StoragePath,
    (stored, pass): (&StoredSegment, Option<&SecretString>),
    buffer_size: usize,
    cancel: &Cancel,
) -> Result<Content> {
    let mut read = storage.open_read(path, &ReadOptions::default())?;
    let mut stages = Vec::new();
    if let Some(pass) = pass.cloned() {
        stages.push(Stage::Decrypt { pass, raw: false });
    }
    let kind = CompressType::from_extension(&stored.to_string());
    if kind != CompressType::None {
        stages.push(Stage::Decompress { kind, raw: false });
    }
    let mut running = Pipeline::new(stages).start(buffer_size);
    let mut buffer = vec![0; buffer_size];
    let (mut plain, mut sha1) = (Vec::new(), Sha1::new());
    loop {
        cancel.check()?;
        let got = match read.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if let Err(error) = running.push(&buffer[..got], &mut plain) {
            return Ok(Content::Damaged(error.to_string()));
        }
        sha1.update(&plain);
        plain.clear();
    }
    if let Err(error) = running.finish(&mut plain) {
        return Ok(Content::Damaged(error.to_string()));
    }
    sha1.update(&plain);
    let found = sha1.finish().to_string();
    Ok(if found == stored.checksum {
        Content::Intact
    } else {
        Content::Damaged(format!("its checksum is {found}"))
    })
}
