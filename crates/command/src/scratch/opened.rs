//! A scratch directory that was opened: its marker is locked, and whatever is done in it is done by its handle.
//!
//! Invariant: what a run has left is removed only if the marker proves that all of it was made by that run.
#![allow(clippy::disallowed_methods)] // a scratch directory is no storage of ours

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};

use super::error::failed;
use super::marker::{self, Marker};
use super::place::{open_directory, refuse_foreign, refuse_link, refuse_others};
use super::remains;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Files of the server that are read whole: `postmaster.pid`, `backup_label`, `postgresql.auto.conf`.
pub(super) const SHORT: u64 = 1 << 20;

/// The directory, with the lock that only one process has.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) root: PathBuf,
    /// The directory itself, whatever its path leads to meanwhile.
    handle: fs::File,
    pub(super) found: fs::Metadata,
    /// The marker, held as long as this lives.
    pub(super) lock: fs::File,
    /// What it said of an earlier run.
    pub(super) old: Option<Marker>,
}

impl Opened {
    /// Opens and locks it. `None`: it is not there, or was removed or replaced between two steps.
    ///
    /// # Errors
    /// One that has anything else in it or belongs to somebody else; a run that works there.
    pub(super) fn open(context: &Context, root: &Path) -> Result<Option<Self>> {
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
        match fs::symlink_metadata(inside.join(marker::NAME)) {
            Ok(found) => refuse_link(context, &root.join(marker::NAME), &found)?,
            Err(_) => refuse_others(root, &names(&inside, root)?)?,
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
        let old = Marker::parse(&text);
        match &old {
            Some(_) => {}
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
        Ok(Some(Self {
            root: root.to_owned(),
            handle,
            found,
            lock,
            old,
        }))
    }

    /// The directory by its handle: leads there even if somebody renames it or puts a link in its place.
    pub(super) fn inside(&self) -> PathBuf {
        inside(&self.handle)
    }

    /// Removes what the earlier run has left, if all that is there is its own.
    ///
    /// # Errors
    /// What was not made by it, and what could not be removed.
    pub(super) fn clean_up(&self) -> Result<()> {
        let Some(old) = &self.old else {
            return Ok(());
        };
        let root = &self.root;
        if !old.is_of(root, &self.found) {
            return Err(Error::new(
                ErrorCode::PathNotEmpty,
                format!("the marker in '{}' is of another directory", root.display()),
            )
            .with_hint(
                "it was copied or moved to here: if nothing of it is needed remove it by hand.",
            )
            .with_hint("or choose a missing or empty directory with --scratch-path."));
        }
        let foreign = old
            .foreign(&self.inside())
            .map_err(|error| failed(ErrorCode::PathOpen, "list path", root, &error))?;
        refuse_others(root, &foreign)?;
        log::info!(
            "remove what an interrupted run has left in '{}'",
            root.display()
        );
        remains::end(root, &old.id)?;
        self.empty(&[])
    }

    /// Says in the marker that it is being removed: whoever needs the directory waits so long.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn tell_removal(&mut self) -> Result<()> {
        let path = self.root.join(marker::NAME);
        self.lock
            .write_all(marker::REMOVAL.as_bytes())
            .map_err(|error| failed(ErrorCode::FileWrite, "write", &path, &error))
    }

    /// Removes everything but the marker and what is foreign.
    ///
    /// # Errors
    /// What could not be removed.
    pub(super) fn empty(&self, foreign: &[OsString]) -> Result<()> {
        let inside = self.inside();
        for name in names(&inside, &self.root)? {
            if name == marker::NAME || foreign.contains(&name) {
                continue;
            }
            fs::remove_dir_all(inside.join(&name)).map_err(|error| {
                failed(
                    ErrorCode::PathRemove,
                    "remove path",
                    &self.root.join(&name),
                    &error,
                )
            })?;
        }
        Ok(())
    }

    /// Removes the marker, then the directory if a run has made it and nothing is in it.
    ///
    /// # Errors
    /// What could not be removed, and what is foreign.
    pub(super) fn close(self, made: bool, foreign: &[OsString]) -> Result<()> {
        let marker = self.root.join(marker::NAME);
        fs::remove_file(self.inside().join(marker::NAME))
            .map_err(|error| failed(ErrorCode::FileRemove, "remove", &marker, &error))?;
        refuse_others(&self.root, foreign)?;
        // Removes nothing that has anything in it.
        if made {
            fs::remove_dir(&self.root).map_err(|error| {
                failed(ErrorCode::PathRemove, "remove path", &self.root, &error)
            })?;
        }
        drop(self.lock);
        Ok(())
    }
}

/// Whether another process says that it removes what a run has left there.
pub(super) fn is_being_removed(root: &Path) -> bool {
    fs::read(root.join(marker::NAME)).is_ok_and(|text| text.ends_with(marker::REMOVAL.as_bytes()))
}

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

/// The error of a directory in which a run works.
pub(super) fn running(root: &Path) -> Error {
    Error::new(
        ErrorCode::LockAcquire,
        format!("another run is working in '{}'", root.display()),
    )
    .with_hint("wait until it has ended, or choose another directory with --scratch-path.")
}

fn names(inside: &Path, root: &Path) -> Result<Vec<OsString>> {
    let list = || -> std::io::Result<Vec<OsString>> {
        fs::read_dir(inside)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    list().map_err(|error| failed(ErrorCode::PathOpen, "list path", root, &error))
}
