//! Opening and reading a lock file, and nothing else that may be in its place.
#![allow(clippy::disallowed_methods)] // flock needs the descriptor of a real file (architecture: the lock file)

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{Error, ErrorCode, Result};

/// Bytes of a lock file that are read.
const LONGEST: u64 = 64 << 10;

/// Opening a pipe does not wait for who is at its other end.
const NO_WAIT: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

pub(super) fn open(path: &Path) -> Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .custom_flags(NO_WAIT)
            .open(path)
            .and_then(regular)
    };
    let result = match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(Path::new("/"));
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o750)
                .create(parent)
                .map_err(|error| {
                    Error::new(
                        ErrorCode::PathCreate,
                        format!(
                            "unable to create path '{}': {}",
                            parent.display(),
                            numbered(&error)
                        ),
                    )
                })?;
            open()
        }
        other => other,
    };
    result.map_err(|error| {
        let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
        let text = format!(
            "unable to acquire lock on file '{}': {}",
            path.display(),
            error
        );
        let error = Error::new(ErrorCode::LockAcquire, text);
        if denied {
            error.with_hint(format!(
                "does the user running pgBackRest have permissions on the '{}' file?",
                path.display()
            ))
        } else {
            error
        }
    })
}

pub(super) fn numbered(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => format!("[{code}] {error}"),
        None => error.to_string(),
    }
}

/// Opens a lock file as it is. What is none, a pipe for example, is not waited for.
pub(super) fn open_to_read(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    regular(options.read(true).custom_flags(NO_WAIT).open(path)?)
}

fn regular(file: File) -> std::io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("it is no regular file")),
    }
}

/// What a lock file says, as far as one can be long.
pub(super) fn text(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}
