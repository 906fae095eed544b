//! Making directories with their missing parents.
//!
//! The mode is given to `mkdir`, so the umask of the process applies (the command line sets it for `neutral-umask`).

use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;

use super::failure::failure;
use crate::error::{Operation, Result};

/// Makes `path` and its missing parents, and returns the directories that got a new entry, outermost first.
pub(super) fn create_path(path: &Path, mode: u32) -> Result<Vec<PathBuf>> {
    // The usual case costs one call: the parent is there. Else go up until a directory is there, then down again.
    let mut missing = vec![path];
    let mut changed = Vec::new();
    // Set once a directory was there. A parent that is there and yet takes no entry (as in /proc, or one that vanishes while
    // we go down) ends in an error, not in another round.
    let mut down = false;
    while let Some(&next) = missing.last() {
        match rustix::fs::mkdir(next, Mode::from_raw_mode(mode)) {
            Ok(()) => {
                changed.extend(next.parent().map(Path::to_owned));
                missing.pop();
                down = true;
            }
            // Somebody else may have made it meanwhile; that is as good.
            Err(Errno::EXIST) if next.is_dir() => {
                missing.pop();
                down = true;
            }
            Err(Errno::NOENT) => match next.parent() {
                Some(parent) if !down && !parent.as_os_str().is_empty() => missing.push(parent),
                _ => return Err(failure(Operation::CreatePath, next, Errno::NOENT)),
            },
            Err(errno) => return Err(failure(Operation::CreatePath, next, errno)),
        }
    }
    Ok(changed)
}
