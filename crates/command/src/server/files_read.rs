//! The configuration files that were read, so that a process that serves a connection has the same ones.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use pgkeep_config::{Access, ConfigFiles};
use serde::{Deserialize, Serialize};

/// What files and directories held, or the number of the error. They may hold secrets, so `Debug` shows nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRead {
    files: BTreeMap<String, Result<Vec<u8>, i32>>,
    directories: BTreeMap<String, Result<Vec<String>, i32>>,
}

impl std::fmt::Debug for FilesRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FilesRead")
    }
}

/// ENOENT.
const MISSING: i32 = 2;

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(MISSING)
}

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// Reads files and keeps what it has read.
pub struct Recorder<'a> {
    files: &'a dyn ConfigFiles,
    read: Mutex<FilesRead>,
}

impl std::fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl<'a> Recorder<'a> {
    #[must_use]
    pub fn new(files: &'a dyn ConfigFiles) -> Self {
        Self {
            files,
            read: Mutex::default(),
        }
    }

    /// What was read.
    #[must_use]
    pub fn into_read(self) -> FilesRead {
        self.read
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, note: impl FnOnce(&mut FilesRead)) {
        note(&mut self.read.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ConfigFiles for Recorder<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let read = self.files.read(path);
        let kept = read.as_ref().map(Clone::clone).map_err(number);
        self.note(|all| drop(all.files.insert(path.to_owned(), kept)));
        read
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let list = self.files.list(path);
        let kept = list.as_ref().map(Clone::clone).map_err(number);
        self.note(|all| drop(all.directories.insert(path.to_owned(), kept)));
        list
    }

    fn home(&self) -> Option<String> {
        self.files.home()
    }

    fn access(&self, path: &str) -> Option<Access> {
        self.files.access(path)
    }

    fn working_directory(&self) -> Option<String> {
        self.files.working_directory()
    }
}

/// Reads what another process has read; what it did not look at is not there.
pub struct Replay<'a> {
    pub read: &'a FilesRead,
    pub files: &'a dyn ConfigFiles,
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replay")
    }
}

impl ConfigFiles for Replay<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.read.files.get(path) {
            Some(Ok(bytes)) => Ok(bytes.clone()),
            Some(Err(number)) => Err(error(*number)),
            None => Err(error(MISSING)),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        match self.read.directories.get(path) {
            Some(Ok(names)) => Ok(names.clone()),
            Some(Err(number)) => Err(error(*number)),
            None => Err(error(MISSING)),
        }
    }

    fn home(&self) -> Option<String> {
        self.files.home()
    }

    fn working_directory(&self) -> Option<String> {
        self.files.working_directory()
    }
}
