//! Free space of the file system that holds a place.

use std::path::Path;

use rustix::fs::StatVfsMountFlags;
use rustix::io::Errno;

use crate::error::{Error, Operation, Result};
use crate::space::Space;

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
        Err(errno) => {
            let object = path.display().to_string();
            Err(Error::from_io(Operation::Info, object, &errno.into()))
        }
    }
}
