//! Removing files, links and whole trees.
//!
//! A tree is removed through the descriptors of its directories, each opened without following a link: a directory that
//! somebody swaps for a link meanwhile does not lead the removal out of the tree. Directories in it that are closed to their owner
//! (mode 0500) are opened, if they are ours.

use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::failure::failure;
use super::storage::PosixStorage;
use crate::error::{Operation, Result};
use crate::info::Removed;
use crate::path::StoragePath;

/// A directory being emptied. It is kept open so that what it holds is named relative to it.
struct Emptying {
    directory: OwnedFd,
    path: PathBuf,
    /// Directories found in it that are still to be removed.
    inner: Vec<PathBuf>,
    /// Its name in the directory that holds it.
    name: PathBuf,
    /// How often it was read.
    listings: u32,
}

/// How often a directory is emptied before it counts as one that cannot be. Asynchronous archiving may put a file into
/// the spool that a restore empties, between the reading of a directory and its removal.
const LISTINGS: u32 = 100;

impl PosixStorage {
    /// [`crate::Storage::remove`].
    pub(super) fn remove_entry(&self, path: &StoragePath) -> Result<Removed> {
        let absolute = self.absolute(path);
        match rustix::fs::unlink(&absolute) {
            Ok(()) => Ok(Removed::Removed),
            Err(Errno::NOENT) => Ok(Removed::Missing),
            Err(errno) => Err(failure(Operation::Remove, &absolute, errno)),
        }
    }

    /// [`crate::Storage::remove_tree`].
    pub(super) fn remove_all(&self, path: &StoragePath) -> Result<Removed> {
        let root = self.absolute(path);
        let mut stack = match open_inner(CWD, &root) {
            Ok(Some(directory)) => vec![Emptying::new(directory, root.clone(), root.clone())?],
            Ok(None) => return Ok(Removed::Missing),
            // The name is a link: the link is what is to go.
            Err(Errno::NOTDIR | Errno::LOOP) if is_link(&root) => return self.remove_entry(path),
            Err(errno) => return Err(failure(Operation::RemovePath, &root, errno)),
        };
        while let Some(top) = stack.last_mut() {
            if let Some(name) = top.inner.pop() {
                let path = top.path.join(&name);
                match open_inner(top.directory.as_fd(), &name) {
                    Ok(Some(directory)) => {
                        let inner = Emptying::new(directory, path, name)?;
                        stack.push(inner);
                    }
                    Ok(None) => {}
                    Err(errno) => return Err(failure(Operation::RemovePath, &path, errno)),
                }
                continue;
            }
            let mut done = stack
                .pop()
                .expect("the loop runs while there is a directory");
            let outer = stack.last();
            let holder = outer.map_or(CWD, |outer| outer.directory.as_fd());
            let unlink = || rustix::fs::unlinkat(holder, &done.name, AtFlags::REMOVEDIR);
            let removed = match unlink() {
                // Not where the root of the tree is, for that stays.
                Err(Errno::ACCESS) if outer.is_some_and(Emptying::open_to_owner) => unlink(),
                removed => removed,
            };
            match removed {
                Ok(()) | Err(Errno::NOENT) => {}
                // POSIX allows either for a directory that is not empty.
                Err(Errno::NOTEMPTY | Errno::EXIST) if done.listings < LISTINGS => {
                    done.empty()?;
                    stack.push(done);
                }
                Err(errno) => return Err(failure(Operation::RemovePath, &done.path, errno)),
            }
        }
        Ok(Removed::Removed)
    }
}

fn is_link(path: &Path) -> bool {
    rustix::fs::lstat(path).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Symlink
    })
}

fn open_inner(holder: impl AsFd, name: &Path) -> rustix::io::Result<Option<OwnedFd>> {
    let holder = holder.as_fd();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(holder, name, flags, Mode::empty());
    let opened = match open() {
        Err(Errno::ACCESS) => {
            open_closed(holder, name)?;
            open()
        }
        opened => opened,
    };
    match opened {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Lets the owner into a directory that is closed even for reading: it goes, so its mode keeps nobody out. Through a descriptor
/// of the directory itself, so that a link in its place is never followed.
fn open_closed(holder: BorrowedFd<'_>, name: &Path) -> rustix::io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = rustix::fs::openat(holder, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&place)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Errno::ACCESS);
    }
    // `fchmod` takes no such descriptor.
    let itself = format!("/proc/self/fd/{}", place.as_raw_fd());
    let mode = Mode::from_raw_mode(stat.st_mode) | Mode::RWXU;
    rustix::fs::chmod(itself, mode).map_err(|_| Errno::ACCESS)
}

impl Emptying {
    fn new(directory: OwnedFd, path: PathBuf, name: PathBuf) -> Result<Self> {
        let mut emptying = Self {
            directory,
            path,
            inner: Vec::new(),
            name,
            listings: 0,
        };
        emptying.empty()?;
        Ok(emptying)
    }

    /// Lets the owner remove what is in a directory that goes itself. Nothing is said of a failure: the removal that comes next
    /// tells it.
    fn open_to_owner(&self) -> bool {
        let Ok(stat) = rustix::fs::fstat(&self.directory) else {
            return false;
        };
        let mode = Mode::from_raw_mode(stat.st_mode);
        !mode.contains(Mode::RWXU) && rustix::fs::fchmod(&self.directory, mode | Mode::RWXU).is_ok()
    }

    /// Removes everything but directories, which are noted.
    fn empty(&mut self) -> Result<()> {
        let fail = |errno| failure(Operation::List, &self.path, errno);
        // Names first: what `readdir` reports after a removal is undefined.
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                _ if entry.file_type() == rustix::fs::FileType::Directory => {
                    self.inner.push(name_of(entry.file_name()));
                }
                _ => names.push(entry.file_name().to_owned()),
            }
        }
        for entry in names {
            // The type is unknown on some file systems: try, and see whether it is a directory.
            let unlink = || rustix::fs::unlinkat(&self.directory, &entry, AtFlags::empty());
            let removed = match unlink() {
                Err(Errno::ACCESS) if self.open_to_owner() => unlink(),
                removed => removed,
            };
            match removed {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) if is_directory(&self.directory, &entry) => {
                    self.inner.push(name_of(&entry));
                }
                Err(errno) => {
                    let path = self.path.join(name_of(&entry));
                    return Err(failure(Operation::Remove, &path, errno));
                }
            }
        }
        self.listings += 1;
        Ok(())
    }
}

fn is_directory(holder: &OwnedFd, name: &std::ffi::CStr) -> bool {
    rustix::fs::statat(holder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory
    })
}

fn name_of(name: &std::ffi::CStr) -> PathBuf {
    PathBuf::from(StoragePath::new(name.to_bytes()).into_os_string())
}
