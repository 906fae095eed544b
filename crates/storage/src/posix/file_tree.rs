//! What PGDATA needs beyond a storage: renames, owners, modes, times, updates in place.
//!
//! Nothing here decides who owns what; the commands do.

use std::fs::File;

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, Uid};

use super::failure::{failure, failure_of_two};
use super::storage::PosixStorage;
use super::sync;
use crate::error::{Operation, Result};
use crate::file_tree::FileTree;
use crate::path::StoragePath;

impl FileTree for PosixStorage {
    fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        let (source, target) = (self.absolute(from), self.absolute(to));
        rustix::fs::rename(&source, &target)
            .map_err(|errno| failure_of_two(Operation::Rename, &source, &target, errno))?;
        // The new name first: after a crash between the two the file has both names, never none.
        for directory in target
            .parent()
            .into_iter()
            .chain(source.parent().filter(|&p| target.parent() != Some(p)))
        {
            sync::sync_path(directory)?;
        }
        Ok(())
    }

    fn set_owner(&self, path: &StoragePath, uid: u32, gid: u32) -> Result<()> {
        let absolute = self.absolute(path);
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::chownat(
            CWD,
            &absolute,
            Some(uid),
            Some(gid),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(|errno| failure(Operation::SetOwner, &absolute, errno))
    }

    fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        let absolute = self.absolute(path);
        rustix::fs::chmod(&absolute, Mode::from_raw_mode(mode))
            .map_err(|errno| failure(Operation::SetMode, &absolute, errno))
    }

    fn set_mode_durably(&self, path: &StoragePath, mode: u32) -> Result<()> {
        let absolute = self.absolute(path);
        let fail = |errno| failure(Operation::SetMode, &absolute, errno);
        // Opened before, since it may not be possible afterwards.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&absolute, flags, Mode::empty()).map_err(fail)?;
        rustix::fs::fchmod(&opened, Mode::from_raw_mode(mode)).map_err(fail)?;
        rustix::fs::fsync(&opened).map_err(|errno| failure(Operation::Sync, &absolute, errno))
    }

    fn set_modified(&self, path: &StoragePath, modified: i64) -> Result<()> {
        let absolute = self.absolute(path);
        let time = Timespec {
            tv_sec: modified,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(CWD, &absolute, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failure(Operation::SetTime, &absolute, errno))
    }

    fn open_update(&self, path: &StoragePath, file_mode: u32) -> Result<File> {
        let absolute = self.absolute(path);
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::open(&absolute, flags, Mode::from_raw_mode(file_mode))
            .map(File::from)
            .map_err(|errno| failure(Operation::OpenWrite, &absolute, errno))
    }

    fn sync_file_system(&self, path: &StoragePath) -> Result<bool> {
        sync::sync_file_system(&self.absolute(path))
    }
}
