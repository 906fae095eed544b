//! Is a segment that the archive has what its name says? Its bytes are read, decrypted, decompressed and hashed.
//!
//! A name alone is no proof: a disk that lost its cache, or a program that let two writers into one file, leave a name with
//! other bytes behind it. Whoever is told "it is there" lets PostgreSQL remove the only good copy.

use pgkeep_pipeline::{CompressType, Pipeline, Sha1, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::layout;
use pgkeep_storage::ReadOptions;

use super::settings::Settings;
use super::target::Target;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// What the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// They have the checksum of the name.
    Sound,
    /// They have not; the text says why.
    Damaged(String),
}

/// Reads the stored segment to its end.
///
/// # Errors
/// When it cannot be read, which says nothing about its bytes; [`ErrorCode::Term`].
pub(super) fn look(
    settings: &Settings,
    target: &Target,
    stored: &StoredSegment,
    cancel: &Cancel,
) -> Result<Content> {
    let file = stored.to_string();
    let path = layout::archive_file(&settings.stanza, &target.archive_id, &file);
    let storage = &target.repository.storage;
    let mut read = storage.open_read(&path, &ReadOptions::default())?;
    let mut stages = Vec::new();
    if let Some(pass) = target.pass.clone() {
        stages.push(Stage::Decrypt { pass, raw: false });
    }
    let kind = CompressType::from_extension(&file);
    if kind != CompressType::None {
        stages.push(Stage::Decompress { kind, raw: false });
    }
    let mut running = Pipeline::new(stages).start(settings.buffer_size);
    let mut buffer = vec![0; settings.buffer_size];
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
        Content::Sound
    } else {
        Content::Damaged(format!("its checksum is {found}"))
    })
}

/// What is said of a damaged file that is stored again.
///
/// # Errors
/// [`ErrorCode::Checksum`] when a new one would not take its place, having another name.
pub(super) fn replaced(
    settings: &Settings,
    target: &Target,
    stored: &StoredSegment,
    why: &str,
) -> Result<String> {
    let (repository, segment) = (target.repository.name(), &stored.name);
    if stored.extension == settings.compress.extension() {
        return Ok(format!(
            "WAL file '{segment}' in the {repository} archive was damaged ({why}) and is stored again"
        ));
    }
    let path = layout::archive_file(&settings.stanza, &target.archive_id, &stored.to_string());
    Err(Error::new(
        ErrorCode::Checksum,
        format!(
            "'{}' is damaged ({why})",
            target.repository.storage.display(&path)
        ),
    )
    .with_hint(format!(
        "remove it, and the segment is stored again: repo-rm --repo={} {path}",
        target.repository.key
    )))
}
