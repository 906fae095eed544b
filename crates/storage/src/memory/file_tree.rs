//! Renames, owners, modes and times of the tree in memory.

use super::node::Node;
use super::storage::MemoryStorage;
use crate::error::{ErrorKind, Operation, Result};
use crate::file_tree::FileTree;
use crate::path::StoragePath;

impl MemoryStorage {
    /// Changes one node, following a link to it or not.
    fn change(
        &self,
        operation: Operation,
        path: &StoragePath,
        follow: bool,
        change: impl FnOnce(&mut Node),
    ) -> Result<()> {
        let mut state = self.state();
        let place = state.tree.resolve(path, follow);
        match place.and_then(|place| state.tree.get_mut(&place)) {
            Some(node) => {
                change(node);
                Ok(())
            }
            None => Err(self.error(ErrorKind::NotFound, operation, path, "")),
        }
    }
}

impl FileTree for MemoryStorage {
    fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        if from.is_root() {
            return Err(self.error(
                ErrorKind::Denied,
                Operation::Rename,
                from,
                "[16] Device or resource busy",
            ));
        }
        let mut state = self.state();
        let source = state.tree.resolve(from, false);
        let Some(node) = source.as_ref().and_then(|place| state.tree.take(place)) else {
            return Err(self.error(ErrorKind::NotFound, Operation::Rename, from, ""));
        };
        let target = state.tree.resolve(to, false);
        let above = to.parent();
        let fits = state
            .tree
            .resolve(&above, true)
            .and_then(|place| state.tree.get(&place))
            .map(|node| node.children().is_some());
        let blocked = target
            .as_ref()
            .and_then(|place| state.tree.get(place))
            .is_some_and(|node| node.children().is_some());
        let source = source.expect("the node was found there");
        if fits != Some(true) || blocked {
            state
                .tree
                .put(&source, node)
                .ok()
                .expect("the node goes back to where it was");
            let kind = if blocked {
                ErrorKind::Exists
            } else {
                ErrorKind::NotFound
            };
            return Err(self.error(kind, Operation::Rename, from, "[39] Directory not empty"));
        }
        self.place(&mut state.tree, Operation::Rename, to, node)
    }

    fn set_owner(&self, path: &StoragePath, uid: u32, gid: u32) -> Result<()> {
        self.change(Operation::SetOwner, path, false, |node| match node {
            Node::Path { owner, .. } => *owner = (uid, gid),
            Node::File(file) => file.content().owner = (uid, gid),
            Node::Link { .. } => {}
        })
    }

    fn set_mode(&self, path: &StoragePath, new_mode: u32) -> Result<()> {
        self.change(Operation::SetMode, path, true, |node| match node {
            Node::Path { mode, .. } => *mode = new_mode,
            Node::File(file) => file.content().mode = new_mode,
            Node::Link { .. } => {}
        })
    }

    fn set_mode_durably(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.set_mode(path, mode)
    }

    fn set_modified(&self, path: &StoragePath, time: i64) -> Result<()> {
        self.change(Operation::SetTime, path, false, |node| match node {
            Node::Path { modified, .. } | Node::Link { modified, .. } => *modified = time,
            Node::File(file) => file.content().modified = time,
        })
    }

    fn open_update(&self, path: &StoragePath, _file_mode: u32) -> Result<std::fs::File> {
        let reason = "a storage in memory has no files of the operating system";
        Err(self.error(ErrorKind::Unsupported, Operation::OpenWrite, path, reason))
    }

    fn sync_file_system(&self, _path: &StoragePath) -> Result<bool> {
        Ok(false)
    }
}
