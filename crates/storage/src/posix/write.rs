//! Writing a file, atomically or in place.
//!
//! The order of the steps in [`PosixWrite::finish`] is what makes a file durable or absent; each has its reason beside
//! it. The temporary name is fixed, so two writers of one file would share it: the locks of the layers above keep that
//! from happening, and a leftover of a killed run is simply overwritten.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::create::create_path;
use super::sync::sync_path;
use super::{TEMP_SUFFIX, failure, failure_of_two};
use crate::error::{Error, Operation, Result};
use crate::storage::{Features, StorageWrite, WriteMode, WriteOptions};
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
    features: Features,
    /// Directories that got an entry because parents were made on the way.
    changed: Vec<PathBuf>,
    size: u64,
}

impl PosixWrite {
    pub(super) fn open(path: PathBuf, options: &WriteOptions, features: Features) -> Result<Self> {
        let atomic = options.mode == WriteMode::Atomic;
        let working = if atomic {
            temp_name(&path)
        } else {
            path.clone()
        };
        // Atomic: truncates whatever a killed run left under the temporary name.
        let exclusive = if atomic || options.truncate {
            OFlags::TRUNC
        } else {
            OFlags::EXCL
        };
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | exclusive;
        let mode = Mode::from_raw_mode(options.file_mode);
        let mut changed = Vec::new();
        let mut opened = rustix::fs::open(&working, flags, mode);
        if let (Err(Errno::NOENT), true, Some(parent)) =
            (&opened, options.create_path, path.parent())
        {
            // Only now, since the directory is there nearly always.
            changed = create_path(parent, options.path_mode)?;
            opened = rustix::fs::open(&working, flags, mode);
        }
        let file: OwnedFd = opened.map_err(|errno| failure(Operation::OpenWrite, &path, errno))?;
        let write = Self {
            file: File::from(file),
            path,
            working,
            discard: atomic,
            options: options.clone(),
            features,
            changed,
            size: 0,
        };
        if let (Some((uid, gid)), true) = (write.options.owner, features.owner) {
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
        if self.options.sync && self.options.sync_path && self.features.path_sync {
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

/// The temporary name beside `path`: the same directory, since a rename works only inside one file system.
pub(super) fn temp_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMP_SUFFIX);
    PathBuf::from(name)
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
                    return Err(Error::from_io(Operation::Write, object, &error).into_io());
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
            // Nothing more can be done about a failure: the next writer of this file truncates the leftover.
            let _ = rustix::fs::unlink(&self.working);
        }
    }
}
