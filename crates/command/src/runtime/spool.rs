//! The spool: where the commands that PostgreSQL waits for and the background processes leave word for each other.
//!
//! `<spool-path>/archive/<stanza>/out` holds results of pushes, `…/in` fetched segments and results of gets. The status
//! files are the original's in name, content and meaning, so a process of either program reads what one of the other
//! left (spec 8.3). Invariant: a status file appears whole (it is renamed into place).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_pipeline::Pipeline;
use pgkeep_repo::Stanza;
use pgkeep_storage::copy::{CopyError, copy_file, read_all, write_all};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{
    FileTree, InfoLevel, ListOptions, ReadOptions, Removed, Storage, StoragePath, WriteOptions,
};
use rustix::io::Errno;

use crate::error::{Error, ErrorCode, Result};
use crate::runtime::open;

/// Extension of the status of a segment that needs no more work.
pub const OK: &str = ".ok";
/// Extension of the status of a segment, or of all (`global`), that failed.
pub const ERROR: &str = ".error";
/// Name of the status that covers all segments without one of their own.
const GLOBAL: &str = "global";
/// A status is an error code and messages; more than this is none.
const STATUS_LIMIT: u64 = 4 << 20;
/// Buffer of a move that has to copy.
const COPY_BUFFER: usize = 1 << 20;

/// Direction of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Segments fetched ahead for `archive-get`.
    In,
    /// Results of `archive-push`.
    Out,
}

impl Queue {
    fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What the background process says about a segment.
#[derive(Debug, Clone)]
pub enum Status {
    /// Needs no more work; the warning, if any, as it is to be logged.
    Ok {
        warning: Option<String>,
    },
    Failed(Error),
}

/// One queue of one stanza.
#[derive(Debug)]
pub struct Spool {
    storage: Arc<dyn FileTree>,
    root: PathBuf,
    path: StoragePath,
}

impl Spool {
    /// The queue below `spool_path`; nothing is made yet.
    #[must_use]
    pub fn new(spool_path: &str, stanza: &Stanza, queue: Queue) -> Self {
        let path = StoragePath::from("archive")
            .join(stanza.as_str())
            .join(queue.name());
        Self {
            storage: open::tree(Path::new(spool_path)),
            root: PathBuf::from(spool_path),
            path,
        }
    }

    /// The spool path as a storage.
    #[must_use]
    pub fn storage(&self) -> &dyn FileTree {
        &*self.storage
    }

    /// A file of the queue.
    #[must_use]
    pub fn file(&self, name: &str) -> StoragePath {
        self.path.join(name)
    }

    /// Makes the queue's directory.
    ///
    /// # Errors
    /// [`ErrorCode::PathCreate`].
    pub fn create(&self) -> Result<()> {
        Ok(self.storage.create_path(&self.path, 0o750)?)
    }

    /// Names in the queue, sorted.
    ///
    /// # Errors
    /// [`ErrorCode::PathMissing`] when the queue is not there.
    pub fn list(&self) -> Result<Vec<String>> {
        let options = ListOptions {
            level: InfoLevel::Exists,
            sort: true,
            ..ListOptions::default()
        };
        let Some(found) = self.storage.list(&self.path, &options)? else {
            return Err(Error::new(
                ErrorCode::PathMissing,
                format!(
                    "unable to list file info for missing path '{}'",
                    self.storage.display(&self.path)
                ),
            ));
        };
        Ok(found
            .into_iter()
            .map(|info| info.name.to_string())
            .collect())
    }

    /// Whether the queue holds a file of this name.
    ///
    /// # Errors
    /// When the spool cannot be looked at.
    pub fn exists(&self, name: &str) -> Result<bool> {
        Ok(self
            .storage
            .info(&self.file(name), InfoLevel::Exists)?
            .is_some())
    }

    /// Removes a file of the queue; one that is not there is fine.
    ///
    /// # Errors
    /// [`ErrorCode::FileRemove`].
    pub fn remove(&self, name: &str) -> Result<Removed> {
        Ok(self.storage.remove(&self.file(name))?)
    }

    /// Moves a file of the queue to an absolute path, and returns its size. Where a rename cannot do it, the file is
    /// copied. Neither is flushed: after a crash of the machine PostgreSQL asks for the segment again.
    ///
    /// # Errors
    /// Those of reading, writing and moving.
    pub fn move_out(&self, name: &str, destination: &Path) -> Result<u64> {
        let from = self.file(name);
        let size = self
            .storage
            .info(&from, InfoLevel::Basic)?
            .map_or(0, |info| info.size);
        let source = self.root.join(from.to_string());
        match rustix::fs::rename(&source, destination) {
            Ok(()) => Ok(size),
            Err(Errno::XDEV) => {
                let root = PosixStorage::at("/");
                let options = WriteOptions {
                    create_path: false,
                    sync: false,
                    ..WriteOptions::default()
                };
                let to = super::wal_path::from_root(destination);
                if let Err(error) = root.remove_left_overs_of(&to) {
                    log::debug!("{error}");
                }
                let mut read = self.storage.open_read(&from, &ReadOptions::default())?;
                let write = root.open_write(&to, &options)?;
                let running = Pipeline::default().start(COPY_BUFFER);
                let copied = copy_file(&mut *read, write, running, COPY_BUFFER);
                let (_, ticket) = copied.map_err(|error| match error {
                    CopyError::Storage(error) => Error::from(error),
                    CopyError::Pipeline(error) => Error::from(error),
                })?;
                ticket.wait()?;
                self.storage.remove(&from)?;
                Ok(size)
            }
            Err(errno) => Err(Error::new(
                ErrorCode::FileMove,
                format!(
                    "unable to move '{}' to '{}': {}",
                    source.display(),
                    destination.display(),
                    std::io::Error::from(errno)
                ),
            )),
        }
    }

    /// What is known of a segment: its own `.ok`, then its own `.error`, then the error of all.
    ///
    /// # Errors
    /// [`ErrorCode::Format`] for a status file with half a content, [`ErrorCode::Assert`] for an empty error.
    pub fn status(&self, segment: &str) -> Result<Option<Status>> {
        let ok = format!("{segment}{OK}");
        if let Some(content) = self.read(&ok)? {
            let warning = parse(&ok, &content)?.map(|(code, message)| match code {
                0 => message,
                // Somebody renamed an error file to get on without this segment.
                _ => format!(
                    "WAL segment '{segment}' was not pushed due to error [{code}] and was manually skipped: {message}"
                ),
            });
            return Ok(Some(Status::Ok { warning }));
        }
        for name in [format!("{segment}{ERROR}"), format!("{GLOBAL}{ERROR}")] {
            let Some(content) = self.read(&name)? else {
                continue;
            };
            let Some((code, message)) = parse(&name, &content)? else {
                return Err(Error::new(
                    ErrorCode::Assert,
                    format!("status file '{name}' has no content"),
                ));
            };
            let code = u8::try_from(code)
                .ok()
                .and_then(ErrorCode::from_number)
                .unwrap_or(ErrorCode::Unknown);
            return Ok(Some(Status::Failed(Error::new(code, message))));
        }
        Ok(None)
    }

    fn read(&self, name: &str) -> Result<Option<String>> {
        let content = read_all(&*self.storage, &self.file(name), STATUS_LIMIT)?;
        Ok(content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Says that a segment needs no more work.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn write_ok(&self, segment: &str, warnings: &[String]) -> Result<()> {
        let content = if warnings.is_empty() {
            String::new()
        } else {
            format!("0\n{}", warnings.join("\n"))
        };
        self.write(&format!("{segment}{OK}"), &content)
    }

    /// Says that a segment failed, or with `None` that everything did.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn write_error(&self, segment: Option<&str>, error: &Error) -> Result<()> {
        let content = format!("{}\n{}", error.code.number(), error.text());
        self.write(&format!("{}{ERROR}", segment.unwrap_or(GLOBAL)), &content)
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        // Not flushed: what a crash of the machine takes away here is found out again (a segment that was pushed is
        // recognized by its checksum), and two flushes per segment would cost as much as storing it.
        let options = WriteOptions {
            sync: false,
            ..WriteOptions::default()
        };
        Ok(write_all(
            &*self.storage,
            &self.file(name),
            &options,
            content.as_bytes(),
        )
        .map(drop)?)
    }

    /// Forgets earlier errors of this segment and of all.
    ///
    /// # Errors
    /// [`ErrorCode::FileRemove`].
    pub fn clear_errors(&self, segment: &str) -> Result<()> {
        self.remove(&format!("{segment}{ERROR}"))?;
        self.remove(&format!("{GLOBAL}{ERROR}"))?;
        Ok(())
    }
}

/// Code and message of a status file; `None` when it is empty.
fn parse(name: &str, content: &str) -> Result<Option<(i64, String)>> {
    if content.is_empty() {
        return Ok(None);
    }
    let Some((code, message)) = content.split_once('\n') else {
        return Err(Error::new(
            ErrorCode::Format,
            format!("{name} content must have at least two lines"),
        ));
    };
    if message.is_empty() {
        return Err(Error::new(
            ErrorCode::Format,
            format!("{name} message must be > 0"),
        ));
    }
    let code = code.trim().parse().map_err(|_| {
        Error::new(
            ErrorCode::Format,
            format!("unable to convert base 10 string '{code}' to int"),
        )
    })?;
    Ok(Some((code, message.trim().to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: &str = "000000010000000000000001";

    fn spool(dir: &tempfile::TempDir) -> Spool {
        let spool = Spool::new(
            dir.path().to_str().unwrap(),
            &Stanza::new("demo").unwrap(),
            Queue::Out,
        );
        spool.create().unwrap();
        spool
    }

    fn put(spool: &Spool, name: &str, content: &str) {
        spool.write(name, content).unwrap();
    }

    fn warning(spool: &Spool) -> Option<String> {
        match spool.status(SEGMENT).unwrap() {
            Some(Status::Ok { warning }) => warning,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ok_comes_before_error_and_a_segments_error_before_the_error_of_all() {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(&dir);
        assert!(spool.status(SEGMENT).unwrap().is_none());
        spool
            .write_error(None, &Error::new(ErrorCode::RepoInvalid, "all"))
            .unwrap();
        let Some(Status::Failed(error)) = spool.status(SEGMENT).unwrap() else {
            panic!("the error of all counts")
        };
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::RepoInvalid, "all")
        );
        spool
            .write_error(
                Some(SEGMENT),
                &Error::new(ErrorCode::Command, "own").with_hint("look"),
            )
            .unwrap();
        let Some(Status::Failed(error)) = spool.status(SEGMENT).unwrap() else {
            panic!("the own error counts")
        };
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Command, "own\nHINT: look")
        );
        spool.write_ok(SEGMENT, &[]).unwrap();
        assert_eq!(warning(&spool), None);
        spool.clear_errors(SEGMENT).unwrap();
        assert_eq!(spool.list().unwrap(), [format!("{SEGMENT}.ok")]);
    }

    #[test]
    fn warnings_travel_in_the_ok_file() {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(&dir);
        spool
            .write_ok(SEGMENT, &["one".to_owned(), "two".to_owned()])
            .unwrap();
        assert_eq!(warning(&spool).unwrap(), "one\ntwo");
        put(&spool, &format!("{SEGMENT}.ok"), "25\nbroken");
        let text = format!(
            "WAL segment '{SEGMENT}' was not pushed due to error [25] and was manually skipped: broken"
        );
        assert_eq!(warning(&spool).unwrap(), text);
    }

    #[test]
    fn damaged_status_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(&dir);
        let name = format!("{SEGMENT}.error");
        for (content, code, text) in [
            (
                "",
                ErrorCode::Assert,
                "status file '000000010000000000000001.error' has no content",
            ),
            (
                "25",
                ErrorCode::Format,
                "000000010000000000000001.error content must have at least two lines",
            ),
            (
                "25\n",
                ErrorCode::Format,
                "000000010000000000000001.error message must be > 0",
            ),
            (
                "x\ny",
                ErrorCode::Format,
                "unable to convert base 10 string 'x' to int",
            ),
        ] {
            put(&spool, &name, content);
            let error = spool.status(SEGMENT).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (code, text));
        }
    }
}
