//! The scratch directory: nobody else's, marked as ours, and gone at the end.
//!
//! The marker is made before anything else and removed after everything else, and is locked while the run lasts. Invariant: only
//! what the marker proves to be made by us is ever removed; where anything else lies beside it, nothing is.
#![allow(clippy::disallowed_methods)] // a scratch directory is no storage of ours

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::failed;
use super::marker::{self, Marker};
use super::opened::{Opened, SHORT, is_being_removed, running};
use super::place::{self, make};
use super::remains;
use crate::error::{ErrorCode, Result};
use crate::run::Context;

/// How often the directory is taken anew because the run that had it has just removed it, or begins to.
const TRIES: u32 = 100;
/// How often it is looked whether a watch has just taken one that is locked.
const LOCKED: u32 = 20;
/// How long between two tries to take one that is being removed.
const PAUSE: Duration = Duration::from_millis(10);

/// The directory, ours until it is removed.
#[derive(Debug)]
pub(crate) struct Scratch {
    opened: Opened,
    marker: Marker,
}

impl Scratch {
    /// Makes the directory, or takes one that is empty or has the remains of a run.
    ///
    /// # Errors
    /// One that has anything else in it or belongs to somebody else; a run that works there.
    pub(crate) fn take(context: &Context, path: &Path, used: &[PathBuf]) -> Result<Self> {
        let root = place::find(path, used)?;
        let mut tries = 0;
        while tries < TRIES {
            match Self::try_take(context, &root) {
                Ok(Some(scratch)) => return Ok(scratch),
                Ok(None) => tries += 1,
                // A watch removes what a run has left that was killed. It has just begun to, or says that it does.
                Err(error) if error.code == ErrorCode::LockAcquire => {
                    context.cancel.check()?;
                    std::thread::sleep(PAUSE);
                    if !is_being_removed(&root) {
                        tries += TRIES / LOCKED;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(running(&root))
    }

    /// Removes what a run has left, if there is anything.
    ///
    /// # Errors
    /// What could not be removed, and what was not made by us; a run that works there.
    pub(super) fn remove_left(context: &Context, path: &Path) -> Result<()> {
        let root = place::find(path, &[])?;
        if fs::symlink_metadata(root.join(marker::NAME)).is_err() {
            return Ok(());
        }
        let Some(mut opened) = Opened::open(context, &root)? else {
            return Ok(());
        };
        if opened.old.is_some() {
            opened.tell_removal()?;
        }
        opened.clean_up()?;
        let made = opened.old.as_ref().is_some_and(|old| old.made);
        opened.close(made, &[])
    }

    /// `None`: the directory was removed or replaced between two steps.
    fn try_take(context: &Context, root: &Path) -> Result<Option<Self>> {
        let made = make(root)?;
        let Some(opened) = Opened::open(context, root)? else {
            return Ok(None);
        };
        opened.clean_up()?;
        let made = made || opened.old.as_ref().is_some_and(|old| old.made);
        let mut scratch = Self {
            marker: Marker::new(new_id()?, made, root, &opened.found),
            opened,
        };
        scratch.save_marker()?;
        let inside = scratch.opened.inside();
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
        let path = self.opened.root.join(marker::NAME);
        write(&mut self.opened.lock)
            .map_err(|error| failed(ErrorCode::FileWrite, "write", &path, &error))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.opened.root
    }

    pub(crate) fn id(&self) -> &str {
        &self.marker.id
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.opened.root.join(name)
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
        remains::end(self.root(), self.id())?;
        let foreign = self
            .marker
            .foreign(&self.opened.inside())
            .map_err(|error| failed(ErrorCode::PathOpen, "list path", self.root(), &error))?;
        self.opened.empty(&foreign)?;
        self.opened.close(self.marker.made, &foreign)
    }
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
