//! Files whose pages were invalid already when they were backed up: restoring one brings the damage back, so it is an error
//! unless `checksum-page-error` says otherwise.
//!
//! Only files that are written count: one that is in the data directory as the backup has it is no worse than before.

use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::{FileRef, PageCheck};

use super::places::Places;
use super::selective::Zeroed;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};

/// Refuses a restore that is bound to come to such a file, before anything is changed. With delta that is known only when its
/// turn comes.
///
/// # Errors
/// [`ErrorCode::Checksum`].
pub(super) fn refuse(
    settings: &Settings,
    manifest: &Manifest,
    places: &Places,
    zeroed: &Zeroed,
) -> Result<()> {
    if !settings.page_error || settings.delta {
        return Ok(());
    }
    let bad = manifest
        .files()
        .find(|file| is_bad(file) && !zeroed.contains(&file.name));
    bad.map_or(Ok(()), |file| Err(error(places, &file)))
}

/// Warns of a file that was written, or ends the restore with it.
///
/// # Errors
/// [`ErrorCode::Checksum`].
pub(super) fn note(settings: &Settings, places: &Places, file: &FileRef<'_>) -> Result<()> {
    let error = error(places, file);
    if settings.page_error {
        return Err(error);
    }
    log::warn!("{}", error.message);
    Ok(())
}

pub(super) fn is_bad(file: &FileRef<'_>) -> bool {
    matches!(file.page_check, PageCheck::Invalid(_))
}

fn error(places: &Places, file: &FileRef<'_>) -> Error {
    let shown = places.shown(&file.name.to_vec());
    let message = format!(
        "invalid page checksum(s) found in file {}",
        String::from_utf8_lossy(&shown)
    );
    Error::new(ErrorCode::Checksum, message)
        .with_hint("the pages were invalid when they were backed up; an older backup may have them whole.")
        .with_hint("use info --set to list the files, or --no-checksum-page-error to restore them as they are.")
}
