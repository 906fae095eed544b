//! Directories and links of the tree in memory.

use std::sync::Arc;

use super::node::Node;
use super::storage::MemoryStorage;
use crate::error::{ErrorKind, Operation, Result};
use crate::info::InfoLevel;
use crate::options::ListOptions;
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks, SyncTogether};
use crate::storage::Storage;

impl Paths for MemoryStorage {
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()> {
        let mut state = self.state();
        let now = state.now;
        state.tree.create_path(path, mode, now).map_err(|reason| {
            let kind = if reason.is_empty() {
                ErrorKind::NotFound
            } else {
                ErrorKind::Exists
            };
            self.error(kind, Operation::CreatePath, path, reason)
        })
    }

    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()> {
        paths
            .iter()
            .try_for_each(|path| self.create_path(path, mode))
    }
}

impl PathSync for MemoryStorage {
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()> {
        for path in paths {
            if self
                .list(
                    path,
                    &ListOptions {
                        level: InfoLevel::Exists,
                        ..ListOptions::default()
                    },
                )?
                .is_none()
            {
                return Err(self.error(ErrorKind::NotFound, Operation::SyncPath, path, ""));
            }
        }
        Ok(())
    }

    fn begin_together(&self, _: &StoragePath) -> Result<Option<Box<dyn SyncTogether>>> {
        Ok(Some(Box::new(self.clone())))
    }
}

impl SyncTogether for MemoryStorage {
    fn sync(&self) -> Result<()> {
        self.state()
            .tree
            .each_file(&mut |file| file.content().durable = true);
        Ok(())
    }
}

impl SymbolicLinks for MemoryStorage {
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()> {
        let mut state = self.state();
        let node = Node::Link {
            destination: destination.to_vec(),
            modified: state.now,
        };
        self.place(&mut state.tree, Operation::Link, path, node)
    }
}

impl HardLinks for MemoryStorage {
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        let mut state = self.state();
        let source = state
            .tree
            .resolve(from, false)
            .and_then(|place| state.tree.get(&place));
        let node = match source {
            Some(Node::File(file)) => Node::File(Arc::clone(file)),
            Some(_) => {
                return Err(self.error(
                    ErrorKind::Denied,
                    Operation::HardLink,
                    to,
                    "[1] Operation not permitted",
                ));
            }
            None => return Err(self.error(ErrorKind::NotFound, Operation::HardLink, to, "")),
        };
        if state
            .tree
            .resolve(to, false)
            .is_some_and(|place| state.tree.get(&place).is_some())
        {
            return Err(self.error(
                ErrorKind::Exists,
                Operation::HardLink,
                to,
                "[17] File exists",
            ));
        }
        self.place(&mut state.tree, Operation::HardLink, to, node)
    }
}
