//! Is the segment in the archive already, and is it the same one?
//!
//! A segment that is there with the same checksum was pushed before and is not stored again; with another checksum it is
//! of another history (two primaries, damage), and is never overwritten.

use std::time::Duration;

use pgkeep_pipeline::Sha1Digest;

use super::settings::Settings;
use super::target::{Target, panicked};
use crate::error::{Error, ErrorCode, Result};
use crate::runtime::Context;
use crate::runtime::wal_find::WalFind;

/// What is to be done for one repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Store it.
    Missing,
    /// It is there; the warning, unless `archive-mode-check` is off.
    Same(Option<String>),
}

/// Checksum of the segment in the archive of one repository; `None` when it is not there.
///
/// # Errors
/// Those of listing; [`ErrorCode::ArchiveDuplicate`] when there are several.
pub(super) fn stored_checksum(
    context: &Context,
    settings: &Settings,
    target: &Target,
    segment: &str,
) -> Result<Option<String>> {
    let storage = &*target.repository.storage;
    let mut find = WalFind::new(storage, &settings.stanza, &target.archive_id, Duration::ZERO);
    Ok(find.wait_for(context, segment)?.map(|stored| stored.checksum))
}

/// The same for many repositories, asked at once.
pub(super) fn stored_checksums(
    context: &Context,
    settings: &Settings,
    targets: &[Target],
    segment: &str,
) -> Vec<Result<Option<String>>> {
    if let [target] = targets {
        return vec![stored_checksum(context, settings, target, segment)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = targets
            .iter()
            .map(|target| scope.spawn(move || stored_checksum(context, settings, target, segment)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
    })
}

/// Compares what is stored with what is to be pushed.
///
/// # Errors
/// [`ErrorCode::ArchiveDuplicate`] when they differ.
pub(super) fn judge(
    settings: &Settings,
    target: &Target,
    segment: &str,
    stored: Option<&str>,
    checksum: Sha1Digest,
) -> Result<Presence> {
    let Some(stored) = stored else { return Ok(Presence::Missing) };
    let repository = target.repository.name();
    if stored == checksum.to_string() {
        let warning = format!(
            "WAL file '{segment}' already exists in the {repository} archive with the same checksum\n\
             HINT: this is valid in some recovery scenarios but may also indicate a problem."
        );
        return Ok(Presence::Same(settings.mode_check.then_some(warning)));
    }
    Err(Error::new(
        ErrorCode::ArchiveDuplicate,
        format!("WAL file '{segment}' already exists in the {repository} archive with a different checksum"),
    ))
}
