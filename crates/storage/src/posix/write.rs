//! Writing a file, atomically or in place.
//!
//! The order of the steps in [`PosixWrite::finish`] is what makes a file durable or absent; each has its reason beside
//! it. Every writer has a temporary file of its own: an `archive_command` takes no lock, and locks do not reach the other
//! hosts of a share. Two writers of one file so publish one after the other, each a whole file.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::create::create_path;
use super::failure::{failure, failure_of_two};
use super::in_use;
use super::no_space;
use super::sync::sync_path;
use crate::error::{Error, Operation, Result};
use crate::options::{WriteMode, WriteOptions};
use crate::storage::StorageWrite;
use crate::temporary::{self, temp_name};
use crate::ticket::{Ticket, Written};

pub(super) struct PosixWrite {
    file: File,
    /// The name the file shall have.
    path: PathBuf,
    /// The name it has while it is written; equal to `path` in place.
    working: PathBuf,
    /// The file under `working` must go if this is dropped.
    discard: bool,
    options: WriteOptions,
    /// The file system keeps no owners, and its directories cannot be synced.
    cifs: bool,
    /// Directories that got an entry because parents were made on the way.
    changed: Vec<PathBuf>,
    size: u64,
}

impl PosixWrite {
    pub(super) fn open(path: PathBuf, options: &WriteOptions, cifs: bool) -> Result<Self> {
        let atomic = options.mode == WriteMode::Atomic;
        let mut changed = Vec::new();
        let (file, working) = if atomic {
            Self::open_temporary(&path, options, &mut changed)?
        } else {
            let flags = if options.truncate {
                OFlags::TRUNC
            } else {
                OFlags::EXCL
            };
            let file = Self::make(&path, flags, options, &mut changed)?
                .map_err(|errno| failure(Operation::OpenWrite, &path, errno))?;
            (file, path.clone())
        };
        let mode = Mode::from_raw_mode(options.file_mode);
        let write = Self {
            file: File::from(file),
            path,
            working,
            discard: atomic,
            options: options.clone(),
            cifs,
            changed,
            size: 0,
        };
        if let (Some((uid, gid)), true) = (write.options.owner, !cifs) {
            // Before the first byte: nobody else can read the content under the wrong owner.
            rustix::fs::fchown(
                &write.file,
                Some(Uid::from_raw(uid)),
                Some(Gid::from_raw(gid)),
            )
            .map_err(|errno| failure(Operation::SetOwner, &write.working, errno))?;
            // A change of owner clears set-id bits.
            if options.file_mode & 0o6000 != 0 {
                rustix::fs::fchmod(&write.file, mode)
                    .map_err(|errno| failure(Operation::SetMode, &write.working, errno))?;
            }
        }
        Ok(write)
    }

    /// A temporary file that is new and marked as this writer's.
    fn open_temporary(
        path: &Path,
        options: &WriteOptions,
        changed: &mut Vec<PathBuf>,
    ) -> Result<(OwnedFd, PathBuf)> {
        let mut last = Errno::EXIST;
        for _ in 0..temporary::TRIES {
            let bytes = temp_name(path.as_os_str().as_bytes());
            let working = PathBuf::from(OsStr::from_bytes(&bytes));
            match Self::make(&working, OFlags::EXCL, options, changed)? {
                Ok(file) if in_use::mark(&file) => return Ok((file, working)),
                // Removed as a left-over between the two calls: the next name will do.
                Ok(_) => last = Errno::NOENT,
                Err(errno @ Errno::EXIST) => last = errno,
                Err(errno) => return Err(failure(Operation::OpenWrite, path, errno)),
            }
        }
        Err(failure(Operation::OpenWrite, path, last))
    }

    /// Makes or opens the file, and the missing parents of it where that is asked for.
    fn make(
        working: &Path,
        flags: OFlags,
        options: &WriteOptions,
        changed: &mut Vec<PathBuf>,
    ) -> Result<std::result::Result<OwnedFd, Errno>> {
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | flags;
        let mode = Mode::from_raw_mode(options.file_mode);
        let opened = rustix::fs::open(working, flags, mode);
        if let (Err(Errno::NOENT), true, Some(parent)) =
            (&opened, options.create_path, working.parent())
        {
            // Only now, since the directory is there nearly always.
            changed.extend(create_path(parent, options.path_mode)?);
            return Ok(rustix::fs::open(working, flags, mode));
        }
        Ok(opened)
    }

    fn publish(&mut self) -> Result<Written> {
        if let Some(modified) = self.options.modified {
            // After the last write, which sets the time itself, and before the sync, which makes the time durable too.
            let time = Timespec {
                tv_sec: modified,
                tv_nsec: 0,
            };
            rustix::fs::futimens(
                &self.file,
                &Timestamps {
                    last_access: time,
                    last_modification: time,
                },
            )
            .map_err(|errno| failure(Operation::SetTime, &self.working, errno))?;
        }
        if self.options.sync {
            // Before the rename: otherwise a crash could leave the final name with no content behind it.
            rustix::fs::fsync(&self.file)
                .map_err(|errno| failure(Operation::Sync, &self.working, errno))?;
        }
        if self.discard {
            rustix::fs::rename(&self.working, &self.path).map_err(|errno| {
                failure_of_two(Operation::Rename, &self.working, &self.path, errno)
            })?;
            self.discard = false;
        }
        if self.options.sync && self.options.sync_path && !self.cifs {
            // After the rename: the new name itself must survive a crash. Then the directories that were made for it,
            // from the innermost to the outermost, so that no durable name hangs in one that may vanish for long.
            if let Some(parent) = self.path.parent() {
                sync_path(parent)?;
            }
            for directory in self.changed.iter().rev() {
                sync_path(directory)?;
            }
        }
        Ok(Written { size: self.size })
    }
}

impl Write for PosixWrite {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Ok(count) => {
                    self.size += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let object = self.working.display().to_string();
                    let error = Error::from_io(Operation::Write, object, &error);
                    return Err(no_space::explained(error, &self.working).into_io());
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageWrite for PosixWrite {
    fn finish(mut self: Box<Self>) -> Result<Ticket> {
        // A local disk has nothing to wait for: the ticket has resolved when this returns.
        let written = self.publish()?;
        Ok(Ticket::ready(Ok(written)))
    }
}

impl Drop for PosixWrite {
    fn drop(&mut self) {
        if self.discard {
            // Nothing more can be done about a failure: what is left goes as other left-overs do.
            let _ = rustix::fs::unlink(&self.working);
        }
    }
}
