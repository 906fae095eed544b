//! The file that a dump is written to: without a name until it is complete, so that nothing is left of one that is not.
#![allow(clippy::disallowed_methods)] // a file of the user, in no storage of ours

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags};

use crate::error::{Error, ErrorCode, Result};

/// A file that has no name yet.
#[derive(Debug)]
pub(super) struct DumpFile {
    path: PathBuf,
    file: fs::File,
}

impl DumpFile {
    /// Opens it, so that what stands in the way is known before any work.
    ///
    /// # Errors
    /// A file that is there; a directory that is missing or cannot be written to.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(exists(path));
        }
        let directory = path.parent().unwrap_or(Path::new("/"));
        let opened = fs::OpenOptions::new()
            .write(true)
            .mode(0o600)
            .custom_flags(OFlags::TMPFILE.bits().cast_signed())
            .open(directory);
        let file = opened.map_err(|error| {
            let failed = Error::new(
                ErrorCode::FileOpen,
                format!("unable to create a file in '{}': {error}", directory.display()),
            );
            match error.kind() {
                std::io::ErrorKind::Unsupported => failed.with_hint(
                    "this file system has no files without a name: name one on another, or redirect standard output.",
                ),
                _ => failed.with_hint("make the directory, or name another file with --dump-file."),
            }
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Another handle of it, for a program that writes.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn handle(&self) -> Result<fs::File> {
        self.file.try_clone().map_err(|error| self.failed(&error))
    }

    /// Gives it its name, once it is on the disk. Returns its size.
    ///
    /// # Errors
    /// A file that came meanwhile.
    pub(super) fn publish(self) -> Result<u64> {
        let found = self
            .file
            .sync_all()
            .and_then(|()| self.file.metadata())
            .map_err(|error| self.failed(&error))?;
        let inside = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        rustix::fs::linkat(CWD, inside, CWD, &self.path, AtFlags::SYMLINK_FOLLOW).map_err(
            |error| match error {
                rustix::io::Errno::EXIST => exists(&self.path),
                error => self.failed(&error.into()),
            },
        )?;
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        fs::File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| self.failed(&error))?;
        Ok(found.len())
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::new(
            ErrorCode::FileWrite,
            format!("unable to write '{}': {error}", self.path.display()),
        )
    }
}

fn exists(path: &Path) -> Error {
    Error::new(
        ErrorCode::FileExists,
        format!("file '{}' exists", path.display()),
    )
    .with_hint("it was not changed: remove it, or name another file with --dump-file.")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_dump_has_a_name_only_when_it_is_complete_and_takes_nobody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump");
        let names = || fs::read_dir(directory.path()).unwrap().count();
        let dump = DumpFile::open(&path).unwrap();
        dump.handle().unwrap().write_all(b"half").unwrap();
        assert_eq!(names(), 0);
        drop(dump);
        assert_eq!(names(), 0);
        let dump = DumpFile::open(&path).unwrap();
        dump.handle().unwrap().write_all(b"whole").unwrap();
        let late = DumpFile::open(&path).unwrap();
        assert_eq!(dump.publish().unwrap(), 5);
        assert_eq!(late.publish().unwrap_err().code, ErrorCode::FileExists);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(
            DumpFile::open(&path).unwrap_err().code,
            ErrorCode::FileExists
        );
        let missing = directory.path().join("missing/dump");
        assert_eq!(
            DumpFile::open(&missing).unwrap_err().code,
            ErrorCode::FileOpen
        );
        assert_eq!(names(), 1);
    }
}
