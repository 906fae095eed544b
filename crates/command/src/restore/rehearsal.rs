//! What a restore works out of a manifest alone, without a repository or a target: for the fuzz target `plan`.

use pgkeep_repo::{BackupLabel, Manifest};

use super::places::Places;
use super::queue::Queues;
use super::validate;
use crate::error::Result;

/// Checks a manifest as a restore does before it touches anything, and goes through the jobs it would do. Returns the bytes that would
/// be read from the repository at most.
///
/// # Errors
/// [`crate::error::ErrorCode::Format`] for a manifest that is refused.
pub fn rehearse(manifest: &Manifest, label: &BackupLabel) -> Result<u64> {
    validate::manifest(manifest, label)?;
    let places = Places::of(manifest, b"/pg");
    let mut queues = Queues::of(manifest);
    let mut stored: u64 = 0;
    let mut files = 0;
    while let Some(job) = queues.next(manifest, 0) {
        stored += job.stored;
        files += job.files.len();
        for position in job.files {
            let file = manifest.file_at(position as usize);
            let place = places.file(&file.name.to_vec());
            assert!(!place.is_root(), "every file has a place");
        }
    }
    assert_eq!(files, manifest.file_count(), "every file is in one job");
    Ok(stored)
}
