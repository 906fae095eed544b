//! The directory of the audit in the repository: made at the start, removed at the end, with all that is in it.
//!
//! Every name that the audit makes, here or elsewhere, begins as [`layout::trial`] says and holds the number of this run, so it is
//! none that exists. What could not be removed is kept in a list and reported.

use std::cell::RefCell;

use pgkeep_repo::layout;
use pgkeep_storage::sftp::examine::{Answer, Creation, Files};

pub(super) struct Workplace<'a> {
    files: &'a Files,
    /// Deepest part of the repository path that exists.
    pub(super) base: String,
    /// First directory on the way to it: what the account is given to write in. Empty for a repository at `/`.
    pub(super) top: String,
    name: String,
    /// The directory, or why it could not be made.
    pub(super) made: Answer<String>,
    left: RefCell<Vec<String>>,
}

impl<'a> Workplace<'a> {
    /// Makes the directory in the deepest part of `repository` that exists: the rest is made by `stanza-create`.
    pub(super) fn make(files: &'a Files, repository: &str, exec_id: &str) -> Self {
        let mut base = repository.trim_end_matches('/').to_owned();
        while !base.is_empty() && files.lstat(&base).is_err() {
            base.truncate(base.rfind('/').unwrap_or(0));
        }
        let top = repository
            .split('/')
            .find(|part| !part.is_empty())
            .map(|part| format!("/{part}"))
            .unwrap_or_default();
        let name = layout::trial("audit", exec_id).to_string();
        let path = format!("{base}/{name}");
        let made = files.make_path(&path).map(|()| path);
        Self {
            files,
            base,
            top,
            name,
            made,
            left: RefCell::default(),
        }
    }

    /// Whether a file could be made in `directory`; it is removed at once.
    pub(super) fn may_create_in(&self, directory: &str) -> bool {
        let path = format!("{}/{}-try", directory.trim_end_matches('/'), self.name);
        let made = self.files.write(&path, Creation::Exclusive, &[]).is_ok();
        if made {
            self.remove(&path);
        }
        made
    }

    /// Removes a file that the audit made.
    pub(super) fn remove(&self, path: &str) {
        if self.files.remove(path).is_err() {
            self.left.borrow_mut().push(path.to_owned());
        }
    }

    /// Adds what somebody else could not remove.
    pub(super) fn is_left(&self, paths: Vec<String>) {
        self.left.borrow_mut().extend(paths);
    }

    /// Removes the directory; the value is what could not be removed.
    pub(super) fn leave(&self) -> Vec<String> {
        if let Ok(path) = &self.made
            && self.files.remove_path(path).is_err()
        {
            self.left.borrow_mut().push(path.clone());
        }
        self.left.borrow().clone()
    }
}
