//! A turn at something that pushes of several hosts do one after the other: giving one segment its name in the archive.
//!
//! Two primaries may push a segment of the same name and other bytes. Both would look, find nothing and store it. So whoever
//! stores a segment looks once more when it has its turn, and keeps it until the segment is durable. The file is no lock file
//! that `stop --force` knows: nobody holds it for long.
#![allow(clippy::disallowed_methods)] // flock needs the descriptor of a real file (architecture: the lock file)

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::lock::{cannot_lock, is_named};
use super::lock_file::open;
use crate::error::Result;

/// How often a turn that another has is asked for.
const POLL: Duration = Duration::from_millis(2);

/// A turn; dropping it gives it to the next.
#[derive(Debug)]
pub struct Turn {
    _file: File,
    path: PathBuf,
}

impl Turn {
    /// Waits for the turn at this segment.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::LockAcquire`] when the file cannot be used; those of `go_on`, which is asked while this waits.
    pub fn at(
        lock_path: &Path,
        stanza: &str,
        segment: &str,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Self> {
        let path = lock_path.join(format!("{stanza}-{segment}.turn"));
        loop {
            let file = open(&path)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_named(&file, &path) => return Ok(Self { _file: file, path }),
                // Whoever had it has removed it: the next one has another file.
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    go_on()?;
                    std::thread::sleep(POLL);
                }
                Err(error) => return Err(cannot_lock(&path, &error.into())),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Before the descriptor closes, so that nobody can hold what has no name.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::{Error, ErrorCode};

    #[test]
    fn one_has_a_turn_at_a_time_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let turn = Turn::at(dir.path(), "demo", "1", &|| Ok(())).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        drop(turn);
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 200);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_run_that_is_to_end_waits_for_no_turn_and_another_segment_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let _turn = Turn::at(dir.path(), "demo", "1", &|| Ok(())).unwrap();
        drop(Turn::at(dir.path(), "demo", "2", &|| Ok(())).unwrap());
        let ended = || Err(Error::new(ErrorCode::Term, "stop"));
        let error = Turn::at(dir.path(), "demo", "1", &ended).unwrap_err();
        assert_eq!(error.code, ErrorCode::Term);
    }
}
