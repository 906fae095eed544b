//! The archive lock as pushes from several hosts have it: together, while everybody else who takes it is kept out.
//!
//! pgBackRest and the commands of this program take the lock for themselves alone. Pushes have it in common (`LOCK_SH`). Such a
//! file is empty, since it has no single owner. `stop --force` of either program finds the processes by a lock file that each
//! of them has for itself.
#![allow(clippy::disallowed_methods)] // flock needs the descriptor of a real file (architecture: the lock file)

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::lock::{Lock, LockType, SHORT_TRIES, cannot_lock, held, is_named};
use super::lock_file::open;
use crate::error::Result;

/// Longer than others take to read a lock file.
const PAUSE: Duration = Duration::from_millis(1);

/// A share in an archive lock.
#[derive(Debug)]
pub struct Share {
    /// `None`: a process of the same exec-id has the lock alone.
    file: Option<File>,
    path: PathBuf,
    /// By which this process is found. Without it the push goes on all the same.
    _own: Option<Lock>,
}

impl Share {
    /// Takes the lock together with other pushes.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::LockAcquire`] when another process has it alone, or the file cannot be opened.
    pub fn take(lock_path: &Path, stanza: &str, repo_key: u32, exec_id: &str) -> Result<Self> {
        let path = lock_path.join(super::lock::file_name(stanza, LockType::Archive, repo_key));
        for left in (0..SHORT_TRIES).rev() {
            let file = open(&path)?;
            match take_shared(&file, &path) {
                Ok(true) => {
                    let pid = std::process::id();
                    let own = Lock::try_acquire(lock_path, stanza, LockType::Push, pid, exec_id);
                    return Ok(Self {
                        file: Some(file),
                        path,
                        _own: own.ok().flatten(),
                    });
                }
                Ok(false) => {}
                Err(error) => return Err(cannot_lock(&path, &error)),
            }
            if left == 0 && held(&path).is_some_and(|held| held.exec_id == exec_id) {
                return Ok(Self {
                    file: None,
                    path,
                    _own: None,
                });
            }
            drop(file);
            std::thread::sleep(PAUSE);
        }
        Err(super::lock::taken(&path))
    }
}

/// Whether it is taken, and the file is the one of that name.
fn take_shared(file: &File, path: &Path) -> std::io::Result<bool> {
    let try_lock = |operation| match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(std::io::Error::from(error)),
    };
    // Alone for a moment: what a process has left that was killed names a process number that may be another's by now.
    if try_lock(FlockOperation::NonBlockingLockExclusive)? {
        file.set_len(0)?;
    }
    // Whoever comes in between has the lock, and this is tried again.
    Ok(try_lock(FlockOperation::NonBlockingLockShared)?
        && is_named(file, path)
        && file.metadata()?.len() == 0)
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && is_named(file, &self.path)
        {
            // The last one out. Removed before the descriptor closes, so that nobody can hold what has no name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::locks::{self, LockState};

    const NAME: &str = "demo-archive-1.lock";

    #[test]
    fn pushes_share_the_lock_and_keep_everybody_else_out() {
        let dir = tempfile::tempdir().unwrap();
        let share = |exec_id| Share::take(dir.path(), "demo", 1, exec_id);
        let alone = || Lock::acquire(dir.path(), "demo", LockType::Archive, 1, "9-other");
        let (first, second) = (share("1-a").unwrap(), share("2-b").unwrap());
        let began = std::time::Instant::now();
        assert_eq!(alone().unwrap_err().code, ErrorCode::LockAcquire);
        // A command is told at once, as by any other holder.
        assert!(began.elapsed() < Duration::from_secs(5), "{began:?}");
        drop(first);
        assert_eq!(alone().unwrap_err().code, ErrorCode::LockAcquire);
        assert_eq!(
            locks::state(dir.path(), NAME).unwrap(),
            LockState::SharedByPushes
        );
        drop(second);
        assert!(!dir.path().join(NAME).exists());
        let held = alone().unwrap();
        let error = share("1-a").unwrap_err();
        assert_eq!(error.code, ErrorCode::LockAcquire);
        assert!(error.message.contains(NAME), "{error:?}");
        drop(held);
        share("1-a").unwrap();
    }

    #[test]
    fn a_push_goes_on_under_the_lock_of_its_own_run() {
        let dir = tempfile::tempdir().unwrap();
        let _held = Lock::acquire(dir.path(), "demo", LockType::Archive, 1, "1-own").unwrap();
        drop(Share::take(dir.path(), "demo", 1, "1-own").unwrap());
        assert!(dir.path().join(NAME).exists());
    }

    #[test]
    fn the_process_is_found_by_a_file_of_its_own_and_not_by_what_a_killed_one_has_left() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(NAME),
            "{\"execId\":\"1-dead\",\"pid\":4711}",
        )
        .unwrap();
        let share = Share::take(dir.path(), "demo", 1, "1-a").unwrap();
        assert_eq!(std::fs::read(dir.path().join(NAME)).unwrap(), b"");
        let own = locks::file_name("demo", LockType::Push, std::process::id());
        assert_eq!(locks::stanza_of(&own), Some("demo"));
        let LockState::Held(data) = locks::state(dir.path(), &own).unwrap() else {
            panic!("it is not held")
        };
        assert_eq!(data.pid, std::process::id());
        drop(share);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
