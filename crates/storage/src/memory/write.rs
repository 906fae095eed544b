//! Writing into memory, atomically or in place.

use std::io::{self, Write};
use std::sync::Arc;

use super::node::{Content, MemoryFile, Node};
use super::storage::MemoryStorage;
use crate::error::{ErrorKind, Operation, Result};
use crate::options::{WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::storage::StorageWrite;
use crate::ticket::{Ticket, Written};

pub(super) struct MemoryWrite {
    storage: MemoryStorage,
    path: StoragePath,
    atomic: bool,
    modified: Option<i64>,
    sync: bool,
    /// In the tree from the start when in place, else only in the end.
    file: Arc<MemoryFile>,
    size: u64,
}

impl MemoryWrite {
    pub(super) fn open(
        storage: &MemoryStorage,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Self> {
        let mut state = storage.state();
        let now = state.now;
        if write.create_path {
            state
                .tree
                .create_path(&path.parent(), write.path_mode, now)
                .map_err(|reason| {
                    let kind = if reason.is_empty() {
                        ErrorKind::NotFound
                    } else {
                        ErrorKind::Broken
                    };
                    storage.error(kind, Operation::OpenWrite, path, reason)
                })?;
        }
        let above = state.tree.resolve(&path.parent(), true);
        match above.and_then(|place| state.tree.get(&place)) {
            None => return Err(storage.error(ErrorKind::NotFound, Operation::OpenWrite, path, "")),
            Some(Node::Path { .. }) => {}
            Some(_) => {
                return Err(storage.error(
                    ErrorKind::Broken,
                    Operation::OpenWrite,
                    path,
                    "[20] Not a directory",
                ));
            }
        }
        let atomic = write.mode == WriteMode::Atomic;
        let content = Content {
            bytes: Arc::default(),
            mode: write.file_mode,
            owner: write.owner.unwrap_or((0, 0)),
            modified: now,
            durable: false,
        };
        let mut file = MemoryFile::new(content);
        if !atomic {
            // In place follows a link, as opening a file does.
            let place = state.tree.resolve(path, true);
            let there = place.and_then(|place| state.tree.get(&place));
            match there {
                Some(_) if !write.truncate => {
                    return Err(storage.error(
                        ErrorKind::Exists,
                        Operation::OpenWrite,
                        path,
                        "[17] File exists",
                    ));
                }
                Some(Node::File(old)) => {
                    (old.content().bytes, old.content().durable) = (Arc::default(), false);
                    file = Arc::clone(old);
                }
                Some(_) => {
                    return Err(storage.error(
                        ErrorKind::Broken,
                        Operation::OpenWrite,
                        path,
                        "[21] Is a directory",
                    ));
                }
                None => {
                    let node = Node::File(Arc::clone(&file));
                    storage.place(&mut state.tree, Operation::OpenWrite, path, node)?;
                }
            }
        }
        drop(state);
        Ok(Self {
            storage: storage.clone(),
            path: path.clone(),
            atomic,
            modified: write.modified,
            sync: write.sync,
            file,
            size: 0,
        })
    }
}

impl Write for MemoryWrite {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A reader that is under way keeps the content it has: `make_mut` copies only then.
        Arc::make_mut(&mut self.file.content().bytes).extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageWrite for MemoryWrite {
    fn finish(self: Box<Self>) -> Result<Ticket> {
        let mut state = self.storage.state();
        if self.storage.only_adds
            && let Some(place) = state.tree.resolve(&self.path, false)
            && let Some(Node::File(there)) = state.tree.get(&place)
            && !Arc::ptr_eq(there, &self.file)
        {
            let mut there = there.content();
            // Who is told that the name is taken may find that this is what was wanted, and rely on it.
            there.durable |= self.sync;
            if there.bytes == self.file.content().bytes {
                return Ok(Ticket::ready(Ok(Written { size: self.size })));
            }
            let (kind, operation) = (ErrorKind::Exists, Operation::HardLink);
            let error =
                self.storage
                    .error(kind, operation, &self.path, "another file has this name");
            return Ok(Ticket::ready(Err(error)));
        }
        let mut content = self.file.content();
        content.modified = self.modified.unwrap_or(state.now);
        content.durable = self.sync;
        drop(content);
        if self.atomic {
            let node = Node::File(Arc::clone(&self.file));
            self.storage
                .place(&mut state.tree, Operation::Rename, &self.path, node)?;
        }
        Ok(Ticket::ready(Ok(Written { size: self.size })))
    }
}
