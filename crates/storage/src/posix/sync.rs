//! Making what was written durable: directories, and whole file systems.
//!
//! A directory entry (a new name, a rename) survives a crash only after an fsync of the directory itself.

use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};

use super::failure::failure;
use super::storage::PosixStorage;
use crate::error::{Operation, Result};
use crate::path::StoragePath;
use crate::paths::SyncTogether;

/// First kernel whose `syncfs` reports that writing back failed (before, an I/O error went unnoticed).
const SYNCFS_REPORTS_ERRORS: (u32, u32) = (5, 8);

/// `statfs` numbers of file systems whose `syncfs` brings everything to a disk of this machine, and whose errors of writing
/// the kernel keeps: ext2 to ext4, XFS, Btrfs, tmpfs (which has nothing to bring). Others may leave it to a server.
const LOCAL: [u32; 4] = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994];

/// Flushes the entries of one directory.
pub(super) fn sync_path(path: &Path) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fail = |errno| failure(Operation::SyncPath, path, errno);
    let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(fail)?;
    rustix::fs::fsync(&directory).map_err(fail)
}

/// Flushes the file system that holds `path`; `false` where this kernel would hide its errors.
pub(super) fn sync_file_system(path: &Path) -> Result<bool> {
    match FileSystem::open(path)? {
        Some(system) => system.sync().map(|()| true),
        None => Ok(false),
    }
}

/// A file system held open, so that its flush reports every write error since then.
///
/// The kernel tells a descriptor of the errors that came after it was opened: one opened only for the flush could miss
/// an error that somebody else's flush has taken notice of in between.
#[derive(Debug)]
pub struct FileSystem {
    place: OwnedFd,
    path: PathBuf,
    device: u64,
}

impl FileSystem {
    fn open(path: &Path) -> Result<Option<Self>> {
        let uname = rustix::system::uname();
        if !reports_errors(&uname.release().to_string_lossy()) {
            return Ok(None);
        }
        let fail = |errno| failure(Operation::SyncPath, path, errno);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let place = rustix::fs::open(path, flags, Mode::empty()).map_err(fail)?;
        let device = rustix::fs::fstat(&place).map_err(fail)?.st_dev;
        Ok(Some(Self {
            place,
            path: path.to_owned(),
            device,
        }))
    }

    /// Number that tells file systems apart.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Whether all of it is on disks of this machine.
    pub(super) fn is_local(&self) -> bool {
        // The field's width differs between machines; the numbers have 32 bits.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        rustix::fs::fstatfs(&self.place).is_ok_and(|found| LOCAL.contains(&(found.f_type as u32)))
    }

    /// Flushes all that was written to it: files, directories, links.
    pub fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.place)
            .map_err(|errno| failure(Operation::SyncPath, &self.path, errno))
    }
}

impl SyncTogether for FileSystem {
    fn sync(&self) -> Result<()> {
        Self::sync(self)
    }
}

impl PosixStorage {
    /// Opens the file system that holds `path` for a later flush; `None` where this kernel would hide its errors, so
    /// that each file has to be flushed by itself.
    pub fn file_system(&self, path: &StoragePath) -> Result<Option<FileSystem>> {
        FileSystem::open(&self.absolute(path))
    }
}

fn reports_errors(release: &str) -> bool {
    kernel_release(release).is_some_and(|release| release >= SYNCFS_REPORTS_ERRORS)
}

/// Major and minor number of a release such as `6.1.0-13-amd64`.
fn kernel_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncfs_is_trusted_from_kernel_5_8_on() {
        assert!(reports_errors("5.8.0"));
        assert!(reports_errors("6.1.0-13-amd64"));
        assert!(reports_errors("5.10-rc1"));
        assert!(!reports_errors("5.7.19"));
        assert!(!reports_errors("4.18.0-553.el8.x86_64"));
        assert!(!reports_errors("unknown"));
        assert!(!reports_errors(""));
    }
}
