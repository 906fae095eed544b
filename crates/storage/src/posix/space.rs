//! What the system says of a place before anything is written there: free space, and our right to write.

use std::path::Path;

use rustix::fs::{Access, StatVfsMountFlags};
use rustix::io::Errno;

use super::{PosixStorage, failure};
use crate::error::{Operation, Result};
use crate::path::StoragePath;
use crate::space::Space;

impl PosixStorage {
    /// Whether this process may make files in a directory; `None`: there is no such directory.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn may_write(&self, path: &StoragePath) -> Result<Option<bool>> {
        let path = self.absolute(path);
        match rustix::fs::access(&path, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Ok(Some(true)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(Errno::ACCESS | Errno::ROFS | Errno::PERM) => Ok(Some(false)),
            Err(errno) => Err(failure(Operation::Info, &path, errno)),
        }
    }
}

pub(super) fn space(path: &Path) -> Result<Option<Space>> {
    match rustix::fs::statvfs(path) {
        Ok(said) => Ok(Some(Space {
            total: said.f_blocks.saturating_mul(said.f_frsize),
            free: said.f_bavail.saturating_mul(said.f_frsize),
            files: said.f_files,
            files_free: said.f_favail,
            read_only: said.f_flag.contains(StatVfsMountFlags::RDONLY),
        })),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(failure(Operation::Info, path, errno)),
    }
}
