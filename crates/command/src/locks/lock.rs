//! Lock files, which keep two programs (also one of each kind) from working on one stanza and repository at once.
//!
//! `<lock-path>/<stanza>-<archive|backup|restore|persist>-<repo key>.lock` is held with `flock` and contains one JSON object
//! that `info` of either program reads (`docs/format/locks-and-spool.md`). Processes of one command share a lock through their exec-id. A
//! crashed owner leaves a file that nobody holds; it is simply used again.
#![allow(clippy::disallowed_methods)] // flock needs the descriptor of a real file (architecture: the lock file)

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pgkeep_storage::posix::write_failure;
use rustix::fs::FlockOperation;

use super::data::LockData;
use super::lock_file::{open, open_to_read, text};
use crate::error::{Error, ErrorCode, Result};

/// What the name of a lock file ends with.
pub(super) const EXTENSION: &str = ".lock";

/// How often a lock is tried again that others only read (`state` holds it, shared, meanwhile).
const TRIES: u32 = 1000;

/// Longer than reading a lock file takes.
const PAUSE: Duration = Duration::from_millis(1);

/// Tries until a lock that must be had counts as held: `info` of pgBackRest holds what it reads as an owner does.
pub(super) const SHORT_TRIES: u32 = 20;

/// What [`LockType::Persist`] was called in earlier builds. Such a process may still run when `stop --force` comes.
pub(super) const OLD_PERSIST: &str = "hold";

/// What is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockType {
    Archive,
    Backup,
    Restore,
    /// A connection to an SFTP server that is kept ([`crate::archiving::persist`]). pgBackRest knows none. It ends the process with
    /// `stop --force` as any other.
    Persist,
    /// A process that pushes for another host, with its process number in place of a repository's: it has the archive lock in
    /// common with others ([`super::Share`]), so that file does not lead to it.
    Push,
}

impl LockType {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Persist => "persist",
            Self::Push => "push",
        }
    }
}

/// One lock held by this process; dropping it removes the file.
#[derive(Debug)]
pub struct Lock {
    file: Option<File>,
    path: PathBuf,
    lock_type: LockType,
    repo_key: u32,
    data: LockData,
    /// Percentage last written, × 100; rewritten only when it has grown by a tenth of a percent.
    written_percent: u32,
}

/// File name of a lock.
#[must_use]
pub fn file_name(stanza: &str, lock_type: LockType, repo_key: u32) -> String {
    format!("{stanza}-{}-{repo_key}{EXTENSION}", lock_type.name())
}

/// The stanza of a lock file, also of one that pgBackRest before 2.53 made, without a repository in its name, or an earlier
/// build of pgkeep; `None`: the name is not that of a lock. Read from its end: stanzas may have dashes, numbers and these words in their names.
#[must_use]
pub fn stanza_of(file_name: &str) -> Option<&str> {
    let types = [
        LockType::Archive,
        LockType::Backup,
        LockType::Restore,
        LockType::Persist,
        LockType::Push,
    ];
    let name = file_name.strip_suffix(EXTENSION)?;
    let (rest, last) = name.rsplit_once('-')?;
    let is_key = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let (stanza, type_name) = if is_key {
        rest.rsplit_once('-')?
    } else {
        (rest, last)
    };
    let known = type_name == OLD_PERSIST || types.iter().any(|known| known.name() == type_name);
    (known && !stanza.is_empty()).then_some(stanza)
}

/// Takes what others may only be reading, for a moment; `None`: it is held for longer.
pub(super) fn outlast_readers<T>(mut take: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    for _ in 1..SHORT_TRIES {
        if let Some(taken) = take()? {
            return Ok(Some(taken));
        }
        std::thread::sleep(PAUSE);
    }
    take()
}

impl Lock {
    /// Takes the lock, or shares it with processes of the same exec-id.
    ///
    /// # Errors
    /// [`ErrorCode::LockAcquire`] when another process holds it or the file cannot be opened.
    pub fn acquire(
        lock_path: &Path,
        stanza: &str,
        lock_type: LockType,
        repo_key: u32,
        exec_id: &str,
    ) -> Result<Self> {
        let take = || Self::try_acquire(lock_path, stanza, lock_type, repo_key, exec_id);
        outlast_readers(take)?
            .ok_or_else(|| taken(&lock_path.join(file_name(stanza, lock_type, repo_key))))
    }

    /// As [`Lock::acquire`], but `None` when another process holds it.
    ///
    /// # Errors
    /// [`ErrorCode::LockAcquire`] when the file cannot be opened.
    pub fn try_acquire(
        lock_path: &Path,
        stanza: &str,
        lock_type: LockType,
        repo_key: u32,
        exec_id: &str,
    ) -> Result<Option<Self>> {
        let path = lock_path.join(file_name(stanza, lock_type, repo_key));
        let data = LockData {
            exec_id: exec_id.to_owned(),
            pid: std::process::id(),
            ..LockData::default()
        };
        let mut lock = Self {
            file: None,
            path,
            lock_type,
            repo_key,
            data,
            written_percent: 0,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let mut file = open(&lock.path)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // The last owner may have removed the file between our open and our lock: then we hold a file that
                    // has no name any more, and another process could hold the new one.
                    if !is_named(&file, &lock.path) {
                        continue;
                    }
                    lock.file = Some(file);
                    lock.write()?;
                    return Ok(Some(lock));
                }
                // A real holder lets nobody share the file, and is told at once: archiving asks for each segment.
                Err(rustix::io::Errno::WOULDBLOCK)
                    if tries < TRIES
                        && rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)
                            .is_ok() =>
                {
                    // Pushes share it, and write nothing in it.
                    if tries >= SHORT_TRIES && file.metadata().is_ok_and(|held| held.len() == 0) {
                        return Ok(None);
                    }
                    drop(file);
                    std::thread::sleep(PAUSE);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let shared = read(&mut file).is_some_and(|held| held.exec_id == exec_id);
                    return Ok(shared.then_some(lock));
                }
                Err(error) => return Err(cannot_lock(&lock.path, &error.into())),
            }
        }
    }

    /// Whether another process of the same exec-id holds it, and this is only a share in it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.file.is_none()
    }

    #[must_use]
    pub fn lock_type(&self) -> LockType {
        self.lock_type
    }

    #[must_use]
    pub fn repo_key(&self) -> u32 {
        self.repo_key
    }

    /// Notes the progress in the file, at most every tenth of a percent.
    ///
    /// # Errors
    /// [`ErrorCode::FileWrite`].
    pub fn note_progress(&mut self, size: u64, size_complete: u64) -> Result<()> {
        let percent = if size == 0 {
            10_000
        } else {
            u128::from(size_complete) * 10_000 / u128::from(size)
        };
        let percent = u32::try_from(percent.min(10_000)).unwrap_or(10_000);
        let first = self.data.size.is_none();
        if self.file.is_none() || (!first && percent <= self.written_percent + 10) {
            return Ok(());
        }
        self.data.size = Some(size);
        self.data.size_complete = Some(size_complete);
        self.data.percent_complete = Some(percent);
        self.written_percent = percent;
        self.write()
    }

    /// Takes the progress out of the file.
    ///
    /// # Errors
    /// [`ErrorCode::FileWrite`].
    pub fn clear_progress(&mut self) -> Result<()> {
        self.data.size = None;
        self.data.size_complete = None;
        self.data.percent_complete = None;
        self.written_percent = 0;
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let text = self.data.render();
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let write = |file: &mut File| {
            file.seek(SeekFrom::Start(0))?;
            file.set_len(0)?;
            file.write_all(text.as_bytes())
        };
        write(file).map_err(|error| write_failure(&self.path, &error).into())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Remove before the descriptor closes, so that no other process can hold the file we remove.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Another process has the lock of this file.
pub(super) fn taken(path: &Path) -> Error {
    Error::new(
        ErrorCode::LockAcquire,
        format!(
            "unable to acquire lock on file '{}': Resource temporarily unavailable",
            path.display()
        ),
    )
    .with_hint("is another pgBackRest process running?")
}

pub(super) fn cannot_lock(path: &Path, error: &std::io::Error) -> Error {
    let text = format!(
        "unable to acquire lock on file '{}': {error}",
        path.display()
    );
    Error::new(ErrorCode::LockAcquire, text)
}

/// Whether the open file is the one of this name.
pub(super) fn is_named(file: &File, path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|now| {
        file.metadata()
            .is_ok_and(|held| held.ino() == now.ino() && held.dev() == now.dev())
    })
}

/// What the file says of its holder.
pub(super) fn held(path: &Path) -> Option<LockData> {
    read(&mut open_to_read(path).ok()?)
}

fn read(file: &mut File) -> Option<LockData> {
    LockData::parse(&text(file).ok()?)
}
