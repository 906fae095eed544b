//! Making symbolic and hard links.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;

use super::failure::failure_of_two;
use crate::error::{Operation, Result};
use crate::temporary::{self, temp_name};

/// Makes `path` a symbolic link to `destination`, replacing a file or link that has the name.
pub(super) fn symlink(path: &Path, destination: &[u8]) -> Result<()> {
    let destination = std::ffi::OsStr::from_bytes(destination);
    let fail = |errno| failure_of_two(Operation::Link, path, destination, errno);
    match rustix::fs::symlink(destination, path) {
        Ok(()) => return Ok(()),
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(fail(errno)),
    }
    // Under a temporary name and renamed, so that a reader finds the old link or the new one, never none.
    let mut tries = 0;
    let working = loop {
        let bytes = temp_name(path.as_os_str().as_bytes());
        let working = std::ffi::OsStr::from_bytes(&bytes).to_owned();
        match rustix::fs::symlink(destination, &working) {
            Ok(()) => break working,
            Err(Errno::EXIST) if tries < temporary::TRIES => tries += 1,
            Err(errno) => return Err(fail(errno)),
        }
    };
    rustix::fs::rename(&working, path).map_err(|errno| {
        // The failure is reported; what is left goes as other left-overs do.
        let _ = rustix::fs::unlink(&working);
        fail(errno)
    })
}

/// Makes `to` a further name of the file `from`.
pub(super) fn hard_link(from: &Path, to: &Path) -> Result<()> {
    rustix::fs::link(from, to).map_err(|errno| failure_of_two(Operation::HardLink, to, from, errno))
}
