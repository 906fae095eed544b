//! How a login that fails is told.

use crate::error::{Error, ErrorKind, Operation};
use crate::sftp::settings::SftpSettings;

pub(super) fn refused(settings: &SftpSettings, reason: String) -> Error {
    Error::new(
        ErrorKind::Identity,
        Operation::Connect,
        settings.address(),
        reason,
    )
}

pub(super) fn lost(settings: &SftpSettings, reason: String) -> Error {
    Error::new(
        ErrorKind::Connect,
        Operation::Connect,
        settings.address(),
        reason,
    )
    .with_hint(format!("see where it ends: {}", settings.by_hand("-v")))
}
