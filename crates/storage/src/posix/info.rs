//! From `stat` to [`FileInfo`].
//!
//! [`Facts`] is the compact form in which a directory of a hundred thousand entries is held; names and owners are
//! added one entry at a time when it is reported.

use rustix::fs::{Access, AtFlags, CWD, Stat};
use rustix::io::Errno;

use super::failure::failure;
use super::storage::PosixStorage;
use crate::error::{Operation, Result};
use crate::info::{FileInfo, FileType, InfoLevel};
use crate::path::StoragePath;

/// What `stat` said of one entry, without its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) kind: FileType,
    size: u64,
    modified: i64,
    mode: u32,
    uid: u32,
    gid: u32,
}

impl Facts {
    /// An entry of which only the type is known (or not even that, where nobody asked).
    pub(super) fn of_kind(kind: FileType) -> Self {
        Self {
            kind,
            size: 0,
            modified: 0,
            mode: 0,
            uid: 0,
            gid: 0,
        }
    }
}

impl From<&Stat> for Facts {
    fn from(stat: &Stat) -> Self {
        let kind = kind_of(rustix::fs::FileType::from_raw_mode(stat.st_mode));
        Self {
            kind,
            size: if kind == FileType::File {
                u64::try_from(stat.st_size).unwrap_or(0)
            } else {
                0
            },
            // The width of the field differs between platforms.
            #[allow(clippy::useless_conversion)]
            modified: i64::from(stat.st_mtime),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
        }
    }
}

pub(super) fn kind_of(kind: rustix::fs::FileType) -> FileType {
    match kind {
        rustix::fs::FileType::RegularFile => FileType::File,
        rustix::fs::FileType::Directory => FileType::Path,
        rustix::fs::FileType::Symlink => FileType::Link,
        _ => FileType::Special,
    }
}

impl PosixStorage {
    /// [`crate::Storage::info`].
    pub(super) fn look_up(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        let absolute = self.absolute(path);
        let stat = match rustix::fs::statat(CWD, &absolute, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failure(Operation::Info, &absolute, errno)),
        };
        let facts = Facts::from(&stat);
        let destination = if want >= InfoLevel::Detail && facts.kind == FileType::Link {
            match rustix::fs::readlinkat(CWD, &absolute, Vec::new()) {
                Ok(destination) => Some(destination.into_bytes()),
                // Gone between the two calls.
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(failure(Operation::Info, &absolute, errno)),
            }
        } else {
            None
        };
        Ok(Some(self.file_info(
            path.clone(),
            &facts,
            want,
            destination,
        )))
    }

    /// Gives `facts` a name and as much detail as is wanted.
    pub(super) fn file_info(
        &self,
        name: StoragePath,
        facts: &Facts,
        want: InfoLevel,
        link_destination: Option<Vec<u8>>,
    ) -> FileInfo {
        let basic = want >= InfoLevel::Basic;
        let detail = want >= InfoLevel::Detail;
        FileInfo {
            name,
            kind: facts.kind,
            size: if basic { facts.size } else { 0 },
            modified: if basic { facts.modified } else { 0 },
            mode: if detail { facts.mode } else { 0 },
            owner: (detail && !self.settings.cifs).then(|| self.owners.owner(facts.uid, facts.gid)),
            link_destination,
        }
    }
}

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

    /// Whether what is there, also behind a link, ends and can be read without waiting for somebody: a file or a directory, and no
    /// pipe, socket or device. `None`: nothing is there.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn is_finite(&self, path: &StoragePath) -> Result<Option<bool>> {
        let path = self.absolute(path);
        match rustix::fs::stat(&path) {
            Ok(stat) => Ok(Some(matches!(
                rustix::fs::FileType::from_raw_mode(stat.st_mode),
                rustix::fs::FileType::RegularFile | rustix::fs::FileType::Directory
            ))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(failure(Operation::Info, &path, errno)),
        }
    }
}
