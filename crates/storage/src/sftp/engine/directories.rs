//! What is known of the directories of the server: which are there, and whether one is being made.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use crate::sftp::place::Place;

/// Who makes a directory for a file: one at a time.
#[derive(Debug, Default)]
pub(crate) struct Making {
    pub(crate) one: tokio::sync::Mutex<()>,
    /// Times that one was made.
    pub(crate) times: AtomicU64,
}

/// Directories in which files were opened; a few that are forgotten cost a refused MKDIR each.
#[derive(Debug, Default)]
pub(crate) struct Made(Mutex<HashSet<Vec<u8>>>);

impl Made {
    const MOST: usize = 16 << 10;

    pub(crate) fn has(&self, path: &Place) -> bool {
        self.lock().contains(&path.bytes[..])
    }

    pub(crate) fn add(&self, path: &Place) {
        let mut paths = self.lock();
        if paths.len() >= Self::MOST {
            paths.clear();
        }
        paths.insert(path.bytes.to_vec());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
