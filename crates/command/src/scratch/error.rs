//! The error of a file of the scratch directory.

use std::path::Path;

use crate::error::{Error, ErrorCode};

/// `unable to open '/srv/scratch/x': …`
pub(crate) fn failed(code: ErrorCode, verb: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        code,
        format!("unable to {verb} '{}': {error}", path.display()),
    )
}
