//! An oldest backup that was copied with invalid pages: whoever removes what is older removes the last good one.

use pgkeep_repo::backup_info::BackupEntry;

use crate::error::{Error, ErrorCode};

/// What is to be said when the oldest backup that is left was copied with invalid pages.
pub(super) fn oldest_with_bad_pages(left: &[BackupEntry]) -> Option<Error> {
    let oldest = left.first().filter(|entry| entry.error == Some(true))?;
    let message = format!(
        "oldest retained backup {} contains invalid page checksum(s)",
        oldest.label
    );
    Some(
        Error::new(ErrorCode::Checksum, message)
            .with_hint("use info --set command to get details about errors in the backup."),
    )
}
