//! Listing one directory and walking a tree.
//!
//! Entries are looked up relative to the open directory, so the kernel does not resolve the whole path a hundred
//! thousand times. Entries of a live data directory vanish between `readdir` and `stat`; such an entry is left out.

use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::failure::failure;
use super::info::{Facts, kind_of};
use super::storage::PosixStorage;
use crate::error::{Operation, Result};
use crate::info::{FileInfo, FileType, Found, InfoLevel};
use crate::options::ListOptions;
use crate::path::StoragePath;

/// One directory read to its end: names one after the other in one buffer, so an entry costs no allocation.
struct Entries {
    names: Vec<u8>,
    list: Vec<Entry>,
    /// Kept only where links have to be read when they are reported.
    directory: Option<OwnedFd>,
}

struct Entry {
    start: u32,
    length: u16,
    facts: Facts,
}

impl Entries {
    fn name(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        &self.names[start..start + usize::from(entry.length)]
    }

    fn sort(&mut self) {
        let mut list = std::mem::take(&mut self.list);
        list.sort_unstable_by(|a, b| self.name(a).cmp(self.name(b)));
        self.list = list;
    }
}

/// Opens a directory; `None` when it is not there.
fn open_directory(path: &Path, below_root: bool) -> Result<Option<OwnedFd>> {
    // The directory asked for may be reached through a link; one found by the walk may not have become a link since.
    let follow = if below_root {
        OFlags::NOFOLLOW
    } else {
        OFlags::empty()
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | follow;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        // What was a directory a moment ago is another thing now: it vanished.
        Err(Errno::NOTDIR | Errno::LOOP) if below_root => Ok(None),
        Err(errno) => Err(failure(Operation::List, path, errno)),
    }
}

/// Reads a directory. `descend`: the types of the entries are needed whatever the level.
fn read_entries(
    directory: OwnedFd,
    path: &Path,
    list: &ListOptions,
    descend: bool,
) -> Result<Entries> {
    let fail = |errno| failure(Operation::List, path, errno);
    let mut dir = Dir::new(directory).map_err(fail)?;
    let mut entries = Entries {
        names: Vec::new(),
        list: Vec::new(),
        directory: None,
    };
    let mut links = false;
    while let Some(entry) = dir.read() {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let bytes = name.to_bytes();
        if bytes == b"." || bytes == b".." {
            continue;
        }
        let hint = entry.file_type();
        let typed = hint != rustix::fs::FileType::Unknown;
        let facts = if typed && list.level <= InfoLevel::Type {
            Facts::of_kind(kind_of(hint))
        } else if list.level == InfoLevel::Exists && !descend {
            Facts::of_kind(FileType::File)
        } else {
            let here = dir.fd().map_err(fail)?;
            match rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Facts::from(&stat),
                Err(Errno::NOENT) => continue,
                Err(errno) => {
                    let object = path.join(StoragePath::new(bytes).as_os_str());
                    return Err(failure(Operation::Info, &object, errno));
                }
            }
        };
        links |= facts.kind == FileType::Link;
        let start =
            u32::try_from(entries.names.len()).expect("names of one directory stay under 4 GiB");
        let length = u16::try_from(bytes.len()).expect("the kernel limits names to 255 bytes");
        entries.names.extend_from_slice(bytes);
        entries.list.push(Entry {
            start,
            length,
            facts,
        });
    }
    if links && list.level >= InfoLevel::Detail {
        entries.directory = Some(
            dir.fd()
                .and_then(|fd| rustix::io::fcntl_dupfd_cloexec(fd, 0))
                .map_err(fail)?,
        );
    }
    if list.sort {
        entries.sort();
    }
    Ok(entries)
}

impl PosixStorage {
    /// [`crate::Storage::list`].
    pub(super) fn list_directory(
        &self,
        path: &StoragePath,
        list: &ListOptions,
    ) -> Result<Option<Vec<FileInfo>>> {
        let absolute = self.absolute(path);
        let Some(directory) = open_directory(&absolute, false)? else {
            return Ok(None);
        };
        let entries = read_entries(directory, &absolute, list, false)?;
        let mut found = Vec::with_capacity(entries.list.len());
        for entry in &entries.list {
            found.extend(self.report(
                &entries,
                entry,
                StoragePath::new(entries.name(entry)),
                &absolute,
                list.level,
            )?);
        }
        Ok(Some(found))
    }

    /// [`crate::Storage::list_tree`]. Only one directory is open at a time, whatever the depth.
    pub(super) fn walk(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        let root = self.absolute(path);
        let Some(directory) = open_directory(&root, false)? else {
            return Ok(Found::Missing);
        };
        let mut stack = vec![(
            StoragePath::root(),
            read_entries(directory, &root, list, true)?,
            0,
        )];
        while let Some((below, entries, next)) = stack.last_mut() {
            let Some(entry) = entries.list.get(*next) else {
                stack.pop();
                continue;
            };
            *next += 1;
            let name = below.join(entries.name(entry));
            let descend = entry.facts.kind == FileType::Path;
            let parent = root.join(below.as_os_str());
            if let Some(info) = self.report(entries, entry, name.clone(), &parent, list.level)? {
                each(info)?;
            }
            if descend {
                let absolute = root.join(name.as_os_str());
                if let Some(directory) = open_directory(&absolute, true)? {
                    stack.push((name, read_entries(directory, &absolute, list, true)?, 0));
                }
            }
        }
        Ok(Found::Found)
    }

    /// The entry as callers see it; `None` for a link that vanished before it could be read.
    fn report(
        &self,
        entries: &Entries,
        entry: &Entry,
        name: StoragePath,
        parent: &Path,
        level: InfoLevel,
    ) -> Result<Option<FileInfo>> {
        let mut destination = None;
        if let (FileType::Link, Some(directory)) = (entry.facts.kind, &entries.directory) {
            match rustix::fs::readlinkat(
                directory,
                StoragePath::new(entries.name(entry)).as_os_str(),
                Vec::new(),
            ) {
                Ok(found) => destination = Some(found.into_bytes()),
                Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
                Err(errno) => {
                    let object = parent.join(name.as_os_str());
                    return Err(failure(Operation::Info, &object, errno));
                }
            }
        }
        Ok(Some(self.file_info(name, &entry.facts, level, destination)))
    }
}
