//! The log file: appended to, and opened anew when somebody has moved or removed it.
//!
//! Before each line the name is looked up; a file that is not the one held was rotated away. So a run of hours writes into the
//! new file from the first line after the rotation, whoever rotates, and no signal is needed (SIGHUP ends a run).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// An open log file and its name.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Device and inode of `file`.
    identity: (u64, u64),
}

impl LogFile {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            file,
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Whether something is in it already.
    pub(super) fn has_content(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.len() > 0)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line to the file that has the name now. What cannot be written is lost, as a full log disk must not end a run.
    pub(super) fn append(&mut self, line: &str) -> std::io::Result<()> {
        let moved = std::fs::metadata(&self.path)
            .map_or(true, |now| (now.dev(), now.ino()) != self.identity);
        // Where no new one can be made (the directory is gone), the old one still takes the line.
        if moved && let Ok(new) = Self::open(&self.path) {
            *self = new;
        }
        self.file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew() {
        let place = tempfile::tempdir().unwrap();
        let (path, old) = (place.path().join("x.log"), place.path().join("x.log.1"));
        let mut log = LogFile::open(&path).unwrap();
        assert!(!log.has_content());
        log.append("one\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        log.append("two\n").unwrap();
        log.append("three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\nthree\n");
        // copytruncate: the same file, emptied.
        std::fs::write(&path, "").unwrap();
        log.append("four\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "four\n");
        std::fs::remove_dir_all(place.path()).unwrap();
        log.append("nowhere\n").unwrap();
    }
}
