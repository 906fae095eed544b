//! What is said of a file that cannot be had from the repository: file, set, repository, and cause.
//!
//! A failure of the target (no room, no rights) is told as it is: it names its file, and the set is not to blame.

use pgkeep_repo::BackupLabel;
use pgkeep_repo::manifest::FileRef;
use pgkeep_storage::StoragePath;

use super::damage::Failed;
use super::worker::Worker;
use crate::error::{Error, ErrorCode};

/// The error of a file that failed.
pub(super) fn error(worker: &Worker<'_>, file: &FileRef<'_>, failed: Failed) -> Error {
    let (cause, blocks) = match failed {
        Failed::Target(error) => return error,
        Failed::Repository(error) => (error, None),
        Failed::Blocks(error, path, label) => (error, Some((path, label))),
    };
    // A lost connection, a bug and a stop say nothing about the file.
    if cause.is_about_the_storage() || cause.code == ErrorCode::Assert {
        return cause;
    }
    let in_bundle = blocks.is_none() && file.bundle.is_some();
    let (path, holders) = match blocks {
        Some((path, label)) => (Some(path), vec![label]),
        None => (
            worker.manifest.stored_path(&worker.settings.stanza, file),
            holders(worker, file),
        ),
    };
    let error = Error {
        message: message(worker, file, &cause, path, in_bundle),
        ..cause
    };
    worker.damage.add(&error.message, holders);
    error
}

/// The backups whose files make up the file. Of blocks nobody knows which is wrong when only the sum is.
fn holders(worker: &Worker<'_>, file: &FileRef<'_>) -> Vec<BackupLabel> {
    let manifest = worker.manifest;
    if file.block_map_size() == 0 {
        return manifest.holder(file).cloned().into_iter().collect();
    }
    let own = manifest.backup.label.iter();
    own.chain(&manifest.references).cloned().collect()
}

fn message(
    worker: &Worker<'_>,
    file: &FileRef<'_>,
    cause: &Error,
    path: Option<StoragePath>,
    in_bundle: bool,
) -> String {
    let repository = worker.repository;
    // The checksum that does not match names the file already, in pgBackRest's words.
    let mut message = if cause.code == ErrorCode::Checksum {
        cause.message.clone()
    } else {
        let shown = worker.places.shown(&file.name.to_vec());
        format!(
            "unable to restore '{}': {}",
            String::from_utf8_lossy(&shown),
            cause.message
        )
    };
    let label = worker.manifest.backup.label.as_ref();
    message.push_str(&format!(
        "\nset {} of {}",
        label.map_or("", BackupLabel::as_str),
        repository.name()
    ));
    if let Some(path) = path {
        message.push_str(&format!(
            " has it in '{}'",
            repository.storage.display(&path)
        ));
        if let Some(slice) = file.bundle.filter(|_| in_bundle) {
            message.push_str(&format!(
                ", {} bytes from offset {}",
                file.repo_size, slice.offset
            ));
        }
    }
    message
}
