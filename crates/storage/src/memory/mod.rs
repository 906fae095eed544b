//! A storage in memory: the fake that every layer above can be tested with.
//!
//! It keeps the whole contract, links, modes and owners included, and has a settable time instead of a clock.
//! Only [`crate::FileTree::open_update`] is missing, since it hands out a file of the operating system.

mod file_tree;
mod node;
mod paths;
mod read;
mod storage;
mod write;

#[cfg(test)]
mod tests;

use crate::durability::Durability;
use crate::error::{ErrorKind, Operation, Result};
use crate::info::{FileInfo, FileType, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::protection::Protection;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;
use node::Node;

pub use storage::MemoryStorage;

impl Storage for MemoryStorage {
    fn kind(&self) -> StorageKind {
        StorageKind::Memory
    }

    fn only_adds(&self) -> bool {
        self.only_adds
    }

    fn durability(&self, _: WriteMode) -> Result<Durability> {
        Ok(Durability::Fsynced)
    }

    fn display(&self, path: &StoragePath) -> String {
        format!("memory:/{path}")
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        let state = self.state();
        let Some(place) = state.tree.resolve(path, false) else {
            return Ok(None);
        };
        Ok(state
            .tree
            .get(&place)
            .map(|node| node.info(path.clone(), want)))
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        paths.iter().map(|path| self.info(path, want)).collect()
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        let state = self.state();
        let Some(node) = state
            .tree
            .resolve(path, true)
            .and_then(|place| state.tree.get(&place))
        else {
            return Ok(None);
        };
        let Some(children) = node.children() else {
            return Err(self.error(
                ErrorKind::Broken,
                Operation::List,
                path,
                "[20] Not a directory",
            ));
        };
        let info = |(name, node): (&Vec<u8>, &Node)| node.info(StoragePath::new(name), list.level);
        let mut found: Vec<_> = children.iter().map(info).collect();
        if !list.sort {
            // The order is the backend's, and nobody may rely on it: it is the opposite of what would hide a mistake.
            found.reverse();
        }
        Ok(Some(found))
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        // Directory by directory, without holding the tree while the caller works: it may change the storage.
        let all = ListOptions {
            level: list.level.max(InfoLevel::Type),
            sort: list.sort,
        };
        let Some(first) = self.list(path, &all)? else {
            return Ok(Found::Missing);
        };
        let mut stack = vec![(StoragePath::root(), first.into_iter())];
        while let Some((below, entries)) = stack.last_mut() {
            let Some(entry) = entries.next() else {
                stack.pop();
                continue;
            };
            let name = below.join(entry.name.as_bytes());
            let descend = entry.kind == FileType::Path;
            each(FileInfo {
                name: name.clone(),
                ..entry
            })?;
            if descend {
                // Vanished or replaced meanwhile: left out.
                if let Ok(Some(inner)) = self.list(&path.join(name.as_bytes()), &all) {
                    stack.push((name, inner.into_iter()));
                }
            }
        }
        Ok(Found::Found)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        let state = self.state();
        let node = state
            .tree
            .resolve(path, true)
            .and_then(|place| state.tree.get(&place));
        match node {
            Some(Node::File(file)) => Ok(Box::new(read::MemoryRead::new(file, &read.ranges))),
            Some(_) => Err(self.error(
                ErrorKind::Broken,
                Operation::OpenRead,
                path,
                "[21] Is a directory",
            )),
            None => Err(self.error(ErrorKind::NotFound, Operation::OpenRead, path, "")),
        }
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        Ok(Box::new(write::MemoryWrite::open(self, path, write)?))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        crate::copy::copy_plain(self, from, self, to, &WriteOptions::default())
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        self.refuse_to_remove(path)?;
        let mut state = self.state();
        let Some(place) = state.tree.resolve(path, false) else {
            return Ok(Removed::Missing);
        };
        match state.tree.get(&place) {
            None => Ok(Removed::Missing),
            Some(Node::Path { .. }) => Err(self.error(
                ErrorKind::Broken,
                Operation::Remove,
                path,
                "[21] Is a directory",
            )),
            Some(_) => {
                state.tree.take(&place);
                Ok(Removed::Removed)
            }
        }
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        paths.iter().map(|path| self.remove(path)).collect()
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        self.refuse_to_remove(path)?;
        let mut state = self.state();
        let Some(place) = state.tree.resolve(path, false) else {
            return Ok(Removed::Missing);
        };
        match state.tree.get(&place) {
            None => Ok(Removed::Missing),
            Some(Node::File(_)) => Err(self.error(
                ErrorKind::Broken,
                Operation::RemovePath,
                path,
                "[20] Not a directory",
            )),
            Some(_) => {
                state.tree.take(&place);
                Ok(Removed::Removed)
            }
        }
    }

    fn as_paths(&self) -> Option<&dyn Paths> {
        (!self.bucket).then_some(self as &dyn Paths)
    }

    fn as_protection(&self) -> Option<&dyn Protection> {
        self.bucket.then_some(self as &dyn Protection)
    }

    fn as_path_sync(&self) -> Option<&dyn PathSync> {
        (!self.bucket).then_some(self as &dyn PathSync)
    }

    fn as_symbolic_links(&self) -> Option<&dyn SymbolicLinks> {
        (!self.bucket).then_some(self as &dyn SymbolicLinks)
    }

    fn as_hard_links(&self) -> Option<&dyn HardLinks> {
        (!self.bucket).then_some(self as &dyn HardLinks)
    }
}
