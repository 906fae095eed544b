//! Lock files, which keep two programs (also one of each kind) from working on one stanza and repository at once.
//!
//! `<lock-path>/<stanza>-<archive|backup|restore>-<repo key>.lock` is held with `flock` and contains one JSON object
//! that `info` of either program reads (spec 12.7). Processes of one command share a lock through their exec-id. A
//! crashed owner leaves a file that nobody holds; it is simply used again.
#![allow(clippy::disallowed_methods)] // flock needs the descriptor of a real file (architecture: the lock file)

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::error::{Error, ErrorCode, Result};

/// What is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockType {
    Archive,
    Backup,
    Restore,
}

impl LockType {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockData {
    /// `<pid>-<8 hex>` of the command that holds the lock.
    pub exec_id: String,
    pub pid: u32,
    /// Percent done × 100.
    pub percent_complete: Option<u32>,
    /// Bytes to copy.
    pub size: Option<u64>,
    /// Bytes copied.
    pub size_complete: Option<u64>,
}

impl LockData {
    fn render(&self) -> String {
        let mut text = format!("{{\"execId\":\"{}\"", self.exec_id);
        if let Some(percent) = self.percent_complete {
            text.push_str(&format!(",\"pctCplt\":{percent}"));
        }
        text.push_str(&format!(",\"pid\":{}", self.pid));
        if let Some(size) = self.size {
            text.push_str(&format!(",\"sz\":{size}"));
        }
        if let Some(size) = self.size_complete {
            text.push_str(&format!(",\"szCplt\":{size}"));
        }
        text.push('}');
        text
    }

    /// Reads the content of a lock file, also the original's; `None` when it is not (yet) whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(Self {
            exec_id: value.get("execId")?.as_str()?.to_owned(),
            pid: u32::try_from(value.get("pid")?.as_u64()?).ok()?,
            percent_complete: value
                .get("pctCplt")
                .and_then(|n| n.as_u64())
                .and_then(|n| u32::try_from(n).ok()),
            size: value.get("sz").and_then(serde_json::Value::as_u64),
            size_complete: value.get("szCplt").and_then(serde_json::Value::as_u64),
        })
    }

    /// Whether the process that holds the lock has this argument; `false` where `/proc` does not show arguments.
    #[must_use]
    pub fn holder_was_given(&self, argument: &str) -> bool {
        std::fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|line| {
            line.split(|&byte| byte == 0)
                .any(|given| given == argument.as_bytes())
        })
    }
}

/// What `info` and `stop --force` learn of a lock file of another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// No such file.
    Missing,
    /// The file is there but nobody holds it (its owner crashed).
    Unheld,
    /// Held, but its content is not (yet) readable.
    Unreadable,
    /// Held by a living process.
    Held(LockData),
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
    format!("{stanza}-{}-{repo_key}.lock", lock_type.name())
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
        Self::try_acquire(lock_path, stanza, lock_type, repo_key, exec_id)?.ok_or_else(|| {
            let path = lock_path.join(file_name(stanza, lock_type, repo_key));
            Error::new(
                ErrorCode::LockAcquire,
                format!(
                    "unable to acquire lock on file '{}': Resource temporarily unavailable",
                    path.display()
                ),
            )
            .with_hint("is another pgBackRest process running?")
        })
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
        loop {
            let mut file = open(&lock.path)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // The last owner may have removed the file between our open and our lock: then we hold a file that
                    // has no name any more, and another process could hold the new one.
                    let same = std::fs::symlink_metadata(&lock.path).is_ok_and(|now| {
                        file.metadata()
                            .is_ok_and(|held| held.ino() == now.ino() && held.dev() == now.dev())
                    });
                    if !same {
                        continue;
                    }
                    lock.file = Some(file);
                    lock.write()?;
                    return Ok(Some(lock));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut text = String::new();
                    let readable = file.read_to_string(&mut text).is_ok();
                    let shared = readable
                        && LockData::parse(&text).is_some_and(|held| held.exec_id == exec_id);
                    return Ok(shared.then_some(lock));
                }
                Err(error) => {
                    return Err(Error::new(
                        ErrorCode::LockAcquire,
                        format!(
                            "unable to acquire lock on file '{}': {}",
                            lock.path.display(),
                            std::io::Error::from(error)
                        ),
                    ));
                }
            }
        }
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
        write(file).map_err(|error| {
            Error::new(
                ErrorCode::FileWrite,
                format!("unable to write '{}': {error}", self.path.display()),
            )
        })
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

fn open(path: &Path) -> Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(path)
    };
    let result = match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(Path::new("/"));
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o750)
                .create(parent)
                .map_err(|error| {
                    Error::new(
                        ErrorCode::PathCreate,
                        format!(
                            "unable to create path '{}': {}",
                            parent.display(),
                            numbered(&error)
                        ),
                    )
                })?;
            open()
        }
        other => other,
    };
    result.map_err(|error| {
        let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
        let text = format!(
            "unable to acquire lock on file '{}': {}",
            path.display(),
            plain(&error)
        );
        let error = Error::new(ErrorCode::LockAcquire, text);
        if denied {
            error.with_hint(format!(
                "does the user running pgBackRest have permissions on the '{}' file?",
                path.display()
            ))
        } else {
            error
        }
    })
}

fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn numbered(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => format!("[{code}] {}", plain(error)),
        None => plain(error),
    }
}

/// Looks at a lock file without taking it.
///
/// # Errors
/// [`ErrorCode::FileOpen`] when the file is there but cannot be opened.
pub fn look(lock_path: &Path, name: &str) -> Result<LockState> {
    let path = lock_path.join(name);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LockState::Missing);
        }
        Err(error) => {
            return Err(Error::new(
                ErrorCode::FileOpen,
                format!(
                    "unable to open file '{}' for read: {}",
                    path.display(),
                    numbered(&error)
                ),
            ));
        }
    };
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        return Ok(LockState::Unheld);
    }
    let mut text = String::new();
    if file.read_to_string(&mut text).is_err() {
        return Ok(LockState::Unreadable);
    }
    Ok(LockData::parse(&text).map_or(LockState::Unreadable, LockState::Held))
}

/// Names of all lock files below the lock path, sorted.
///
/// # Errors
/// [`ErrorCode::PathOpen`].
pub fn list(lock_path: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(lock_path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(
                ErrorCode::PathOpen,
                format!(
                    "unable to list file info for path '{}': {}",
                    lock_path.display(),
                    numbered(&error)
                ),
            ));
        }
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".lock"))
        .collect();
    names.sort();
    Ok(names)
}

/// Removes a lock file (only `stop --force` does that).
///
/// # Errors
/// [`ErrorCode::FileRemove`].
pub fn remove(lock_path: &Path, name: &str) -> Result<()> {
    let path = lock_path.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::new(
            ErrorCode::FileRemove,
            format!(
                "unable to remove file '{}': {}",
                path.display(),
                numbered(&error)
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_refused_unless_it_shares_the_exec_id() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/on/demand");
        let name = file_name("demo", LockType::Backup, 1);
        assert_eq!(look(&path, &name).unwrap(), LockState::Missing);
        let mut lock = Lock::acquire(&path, "demo", LockType::Backup, 1, "1-aaaaaaaa").unwrap();
        lock.note_progress(200, 50).unwrap();
        let LockState::Held(data) = look(&path, &name).unwrap() else {
            panic!("the lock is held")
        };
        assert_eq!(
            (data.size, data.size_complete, data.percent_complete),
            (Some(200), Some(50), Some(2500))
        );
        let error = Lock::acquire(&path, "demo", LockType::Backup, 1, "2-bbbbbbbb").unwrap_err();
        assert_eq!(error.code, ErrorCode::LockAcquire);
        assert_eq!(error.hints, ["is another pgBackRest process running?"]);
        drop(Lock::acquire(&path, "demo", LockType::Backup, 1, "1-aaaaaaaa").unwrap());
        assert!(
            matches!(look(&path, &name).unwrap(), LockState::Held(_)),
            "sharing must not release"
        );
        drop(lock);
        assert_eq!(look(&path, &name).unwrap(), LockState::Missing);
    }

    #[test]
    fn progress_is_taken_out_of_the_file_when_something_else_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = Lock::acquire(dir.path(), "main", LockType::Backup, 1, "1-a").unwrap();
        let text = || std::fs::read_to_string(dir.path().join("main-backup-1.lock")).unwrap();
        lock.note_progress(100, 50).unwrap();
        assert_eq!(
            LockData::parse(&text()).unwrap().percent_complete,
            Some(5000)
        );
        lock.clear_progress().unwrap();
        let cleared = LockData::parse(&text()).unwrap();
        assert_eq!(
            (
                cleared.percent_complete,
                cleared.size,
                cleared.size_complete
            ),
            (None, None, None)
        );
        lock.note_progress(100, 1).unwrap();
        assert_eq!(
            LockData::parse(&text()).unwrap().percent_complete,
            Some(100)
        );
    }

    #[test]
    fn a_file_left_by_a_crashed_owner_is_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let name = file_name("demo", LockType::Archive, 2);
        std::fs::write(dir.path().join(&name), "rubbish").unwrap();
        assert_eq!(look(dir.path(), &name).unwrap(), LockState::Unheld);
        let lock = Lock::acquire(dir.path(), "demo", LockType::Archive, 2, "1-a").unwrap();
        assert!(matches!(
            look(dir.path(), &name).unwrap(),
            LockState::Held(_)
        ));
        drop(lock);
    }
}
