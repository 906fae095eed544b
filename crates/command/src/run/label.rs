//! The label of a backup as a user names it.

use pgkeep_repo::BackupLabel;

use crate::error::{Error, ErrorCode, Result};

/// Reads a label.
///
/// # Errors
/// [`ErrorCode::OptionInvalidValue`] for what is none.
pub fn parse(text: &str) -> Result<BackupLabel> {
    text.parse().map_err(|_| {
        Error::new(
            ErrorCode::OptionInvalidValue,
            format!("'{text}' is not a valid backup label format"),
        )
        .with_hint("a label is 20260101-120000F, or 20260101-120000F_20260102-120000I; the info command lists those there are.")
    })
}
