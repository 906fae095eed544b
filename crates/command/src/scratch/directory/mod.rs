//! The scratch directory: nobody else's, marked as ours, and gone at the end.
//!
//! The marker is made before anything else and removed after everything else, and is locked while the run lasts. Invariant: only
//! what the marker proves to be made by us is ever removed; where anything else lies beside it, nothing is.
#![allow(clippy::disallowed_methods)] // a scratch directory is no storage of ours

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};

use super::error::failed;
use super::marker::{self, Marker};
use super::place::{self, make, open_directory, refuse_foreign, refuse_link, refuse_others};
use super::remains;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// How often the directory is taken anew because the run that had it has just removed it.
const TRIES: u32 = 100;

/// Files of the server that are read whole: `postmaster.pid`, `backup_label`, `postgresql.auto.conf`.
const SHORT: u64 = 1 << 20;

/// The directory, ours until it is removed.
#[derive(Debug)]
pub(crate) struct Scratch {
    root: PathBuf,
    /// The directory itself, whatever its path leads to meanwhile.
    handle: fs::File,
    marker: Marker,
    /// Held as long as this lives.
    lock: fs::File,
}

impl Scratch {
    /// Makes the directory, or takes one that is empty or has the remains of a run.
    ///
    /// # Errors
    /// One that has anything else in it or belongs to somebody else; a run that works there.
    pub(crate) fn take(context: &Context, path: &Path, used: &[PathBuf]) -> Result<Self> {
        let root = place::find(path, used)?;
        for _ in 0..TRIES {
            if let Some(scratch) = Self::try_take(context, &root)? {
                return Ok(scratch);
            }
        }
        Err(running(&root))
    }

    /// `None`: the directory was removed or replaced between two steps.
    fn try_take(context: &Context, root: &Path) -> Result<Option<Self>> {
        let made = make(root)?;
        let handle = match open_directory(root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| {
                failed(ErrorCode::PathOpen, "open path", root, &error)
                    .with_hint("choose a missing path or an empty directory with --scratch-path.")
            })?,
        };
        let found = handle
            .metadata()
            .map_err(|error| failed(ErrorCode::PathOpen, "look at path", root, &error))?;
        refuse_foreign(context, root, &found)?;
        let inside = inside(&handle);
        let marked = match fs::symlink_metadata(inside.join(marker::NAME)) {
            Ok(found) => {
                refuse_link(context, &root.join(marker::NAME), &found)?;
                true
            }
            Err(_) => false,
        };
        if !marked {
            refuse_others(root, &names(&inside, root)?)?;
        }
        let Some(mut lock) = lock(&inside, root)? else {
            return Ok(None);
        };
        let marker_path = root.join(marker::NAME);
        let mut text = String::new();
        (&mut lock)
            .take(SHORT)
            .read_to_string(&mut text)
            .map_err(|error| failed(ErrorCode::FileRead, "read", &marker_path, &error))?;
        let mut made = made;
        match Marker::parse(&text) {
            Some(old) => {
                clean_up(root, &inside, &found, &old)?;
                made |= old.made;
            }
            // It was killed before the marker was written, and so before it did anything.
            None if text.is_empty() => refuse_others(root, &names(&inside, root)?)?,
            None => {
                return Err(Error::new(
                    ErrorCode::PathNotEmpty,
                    format!(
                        "'{}' is not the marker of a scratch directory",
                        marker_path.display()
                    ),
                )
                .with_hint("choose a missing or empty directory with --scratch-path."));
            }
        }
        let mut scratch = Self {
            marker: Marker::new(new_id()?, made, root, &found),
            root: root.to_owned(),
            handle,
            lock,
        };
        scratch.save_marker()?;
        for name in marker::ROOMS {
            let path = scratch.join(name);
            let cannot = |error| failed(ErrorCode::PathCreate, "create path", &path, &error);
            fs::DirBuilder::new()
                .mode(0o700)
                .create(inside.join(name))
                .map_err(cannot)?;
            let found = fs::symlink_metadata(inside.join(name)).map_err(cannot)?;
            scratch.marker.add(name, &found);
        }
        // From here on they are proved to be ours; until here they are empty.
        scratch.save_marker()?;
        Ok(Some(scratch))
    }

    fn save_marker(&mut self) -> Result<()> {
        let text = self.marker.text();
        let write = |file: &mut fs::File| {
            // What was there is its beginning, or of a run of which nothing is left.
            file.rewind()?;
            file.write_all(text.as_bytes())?;
            file.set_len(text.len() as u64)?;
            file.sync_all()
        };
        let path = self.root.join(marker::NAME);
        write(&mut self.lock).map_err(|error| failed(ErrorCode::FileWrite, "write", &path, &error))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn id(&self) -> &str {
        &self.marker.id
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.join(name);
        fs::write(&path, text).map_err(|error| failed(ErrorCode::FileWrite, "write", &path, &error))
    }

    /// A short file that may be missing.
    pub(crate) fn read(&self, name: &str) -> String {
        self.read_first(name, SHORT)
    }

    /// The beginning of a file that may be missing.
    pub(crate) fn read_first(&self, name: &str, most: u64) -> String {
        let mut bytes = Vec::new();
        if let Ok(file) = fs::File::open(self.join(name)) {
            // What cannot be read is as good as missing: whoever needs it says so.
            let _ = file.take(most).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of a file that may be missing.
    pub(crate) fn read_last(&self, name: &str, most: u64) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = fs::File::open(self.join(name)) {
            let size = file.metadata().map_or(0, |found| found.len());
            let from = SeekFrom::Start(size.saturating_sub(most));
            let _ = file
                .seek(from)
                .and_then(|_| file.take(most).read_to_end(&mut bytes));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Removes all of it.
    ///
    /// # Errors
    /// What could not be removed, and what was not made by us.
    pub(crate) fn remove(self) -> Result<()> {
        // Whatever a program that was started here has left running.
        remains::end(&self.root, self.id())?;
        let inside = inside(&self.handle);
        let foreign = self.foreign(&inside)?;
        empty(&self.root, &inside, &foreign)?;
        let marker = self.root.join(marker::NAME);
        fs::remove_file(inside.join(marker::NAME))
            .map_err(|error| failed(ErrorCode::FileRemove, "remove", &marker, &error))?;
        refuse_others(&self.root, &foreign)?;
        // Removes nothing that has anything in it.
        if self.marker.made {
            fs::remove_dir(&self.root).map_err(|error| {
                failed(ErrorCode::PathRemove, "remove path", &self.root, &error)
            })?;
        }
        drop(self.lock);
        Ok(())
    }

    fn foreign(&self, inside: &Path) -> Result<Vec<OsString>> {
        self.marker
            .foreign(inside)
            .map_err(|error| failed(ErrorCode::PathOpen, "list path", &self.root, &error))
    }
}

/// Removes what a run that was killed has left, if all that is there is its own.
fn clean_up(root: &Path, inside: &Path, found: &fs::Metadata, old: &Marker) -> Result<()> {
    if !old.is_of(root, found) {
        return Err(Error::new(
            ErrorCode::PathNotEmpty,
            format!("the marker in '{}' is of another directory", root.display()),
        )
        .with_hint("it was copied or moved to here: if nothing of it is needed remove it by hand.")
        .with_hint("or choose a missing or empty directory with --scratch-path."));
    }
    let foreign = old
        .foreign(inside)
        .map_err(|error| failed(ErrorCode::PathOpen, "list path", root, &error))?;
    refuse_others(root, &foreign)?;
    log::info!(
        "remove what an interrupted run has left in '{}'",
        root.display()
    );
    remains::end(root, &old.id)?;
    empty(root, inside, &[])
}

/// The directory by its handle: leads there even if somebody renames it or puts a link in its place.
fn inside(handle: &fs::File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()))
}

/// Opens the marker, makes it if it is missing, and locks it. `None`: it was removed meanwhile, by the run that had it.
fn lock(inside: &Path, root: &Path) -> Result<Option<fs::File>> {
    let (path, shown) = (inside.join(marker::NAME), root.join(marker::NAME));
    let opened = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(&path);
    let file = match opened {
        // The directory is removed.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| failed(ErrorCode::FileOpen, "open", &shown, &error))?,
    };
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(running(root));
    }
    // Only the one that is there counts: the lock of one that was removed keeps nobody out.
    let same = |one: &fs::Metadata, other: &fs::Metadata| {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    let there = fs::symlink_metadata(&shown).ok().zip(file.metadata().ok());
    Ok(there
        .is_some_and(|(there, ours)| same(&there, &ours))
        .then_some(file))
}

fn running(root: &Path) -> Error {
    Error::new(
        ErrorCode::LockAcquire,
        format!("another run is working in '{}'", root.display()),
    )
    .with_hint("wait until it has ended, or choose another directory with --scratch-path.")
}

/// Removes everything but the marker and what is foreign.
fn empty(root: &Path, inside: &Path, foreign: &[OsString]) -> Result<()> {
    for name in names(inside, root)? {
        if name == marker::NAME || foreign.contains(&name) {
            continue;
        }
        fs::remove_dir_all(inside.join(&name)).map_err(|error| {
            failed(
                ErrorCode::PathRemove,
                "remove path",
                &root.join(&name),
                &error,
            )
        })?;
    }
    Ok(())
}

fn names(inside: &Path, root: &Path) -> Result<Vec<OsString>> {
    let list = || -> std::io::Result<Vec<OsString>> {
        fs::read_dir(inside)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    list().map_err(|error| failed(ErrorCode::PathOpen, "list path", root, &error))
}

/// Something that no other run has.
fn new_id() -> Result<String> {
    Ok(format!("{:016x}{:016x}", random()?, random()?))
}

/// From the kernel.
pub(crate) fn random() -> Result<u64> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| failed(ErrorCode::FileRead, "read", path, &error))?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests;
