//! The tree itself: directories, files and links, and how a path leads to one of them.
//!
//! Pure data, no locks and no errors with names; the storage words them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::ErrorKind;
use crate::info::{FileInfo, FileType, InfoLevel, Owner};
use crate::path::StoragePath;

/// Time of a new storage, seconds since 1970 (2023-11-14 22:13:20 UTC).
pub(super) const FIRST_TIME: i64 = 1_700_000_000;

/// So many links are followed on the way to one file; more are taken for a circle.
const MOST_LINKS: usize = 40;

#[derive(Debug)]
pub(super) enum Node {
    Path {
        children: BTreeMap<Vec<u8>, Node>,
        mode: u32,
        owner: (u32, u32),
        modified: i64,
    },
    /// Shared between its hard links.
    File(Arc<MemoryFile>),
    Link {
        destination: Vec<u8>,
        modified: i64,
    },
}

#[derive(Debug)]
pub(super) struct MemoryFile(Mutex<Content>);

#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) modified: i64,
    /// It outlives a loss of power.
    pub(super) durable: bool,
}

impl MemoryFile {
    pub(super) fn new(content: Content) -> Arc<Self> {
        Arc::new(Self(Mutex::new(content)))
    }

    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.0
            .lock()
            .expect("no panic happens while a file is held")
    }
}

/// Why a node could not get its name.
pub(super) struct Refused {
    pub(super) kind: ErrorKind,
    pub(super) reason: &'static str,
}

impl Node {
    pub(super) fn directory(mode: u32, now: i64) -> Self {
        Self::Path {
            children: BTreeMap::new(),
            mode,
            owner: (0, 0),
            modified: now,
        }
    }

    pub(super) fn children(&self) -> Option<&BTreeMap<Vec<u8>, Node>> {
        match self {
            Self::Path { children, .. } => Some(children),
            _ => None,
        }
    }

    pub(super) fn info(&self, name: StoragePath, want: InfoLevel) -> FileInfo {
        let (kind, size, modified, mode, owner, destination) = match self {
            Self::Path {
                mode,
                owner,
                modified,
                ..
            } => (FileType::Path, 0, *modified, *mode, *owner, None),
            Self::File(file) => {
                let file = file.content();
                (
                    FileType::File,
                    file.bytes.len() as u64,
                    file.modified,
                    file.mode,
                    file.owner,
                    None,
                )
            }
            Self::Link {
                destination,
                modified,
            } => (
                FileType::Link,
                0,
                *modified,
                0o777,
                (0, 0),
                Some(destination.clone()),
            ),
        };
        let (basic, detail) = (want >= InfoLevel::Basic, want >= InfoLevel::Detail);
        let owner = Owner {
            uid: owner.0,
            gid: owner.1,
            user: None,
            group: None,
        };
        FileInfo {
            name,
            kind,
            size: if basic { size } else { 0 },
            modified: if basic { modified } else { 0 },
            mode: if detail { mode } else { 0 },
            owner: detail.then_some(owner),
            link_destination: if detail { destination } else { None },
        }
    }
}

/// Where a path leads once the links on the way are followed: names of nested directories, then of the node.
pub(super) type Place = Vec<Vec<u8>>;

#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            root: Node::directory(0o750, FIRST_TIME),
        }
    }
}

impl Tree {
    /// Follows links on the way (and the last one if `follow_last`). `None`: an absolute link leads out of the storage,
    /// or links go in a circle. The node itself, and directories on the way, may be missing.
    pub(super) fn resolve(&self, path: &StoragePath, follow_last: bool) -> Option<Place> {
        let mut ahead: Vec<Vec<u8>> = parts(path.as_bytes()).rev().collect();
        let mut place = Place::new();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            if part == b".." {
                place.pop()?;
                continue;
            }
            place.push(part);
            if !follow_last && ahead.is_empty() {
                break;
            }
            if let Some(Node::Link { destination, .. }) = self.get(&place) {
                links += 1;
                if links > MOST_LINKS || destination.starts_with(b"/") {
                    return None;
                }
                place.pop();
                ahead.extend(parts(destination).rev());
            }
        }
        Some(place)
    }

    pub(super) fn get(&self, place: &[Vec<u8>]) -> Option<&Node> {
        place
            .iter()
            .try_fold(&self.root, |node, name| node.children()?.get(name))
    }

    pub(super) fn get_mut(&mut self, place: &[Vec<u8>]) -> Option<&mut Node> {
        place
            .iter()
            .try_fold(&mut self.root, |node, name| match node {
                Node::Path { children, .. } => children.get_mut(name),
                _ => None,
            })
    }

    /// Calls `each` with every file, once for each of its names.
    pub(super) fn each_file(&self, each: &mut dyn FnMut(&MemoryFile)) {
        let mut nodes = vec![&self.root];
        while let Some(node) = nodes.pop() {
            match node {
                Node::Path { children, .. } => nodes.extend(children.values()),
                Node::File(file) => each(file),
                Node::Link { .. } => {}
            }
        }
    }

    /// Takes a node out of the tree; the root is emptied instead.
    pub(super) fn take(&mut self, place: &[Vec<u8>]) -> Option<Node> {
        let Some((name, above)) = place.split_last() else {
            return Some(std::mem::take(self).root);
        };
        match self.get_mut(above)? {
            Node::Path { children, .. } => children.remove(name),
            _ => None,
        }
    }

    /// Puts a node under a name, in place of a file or link but never of a directory.
    pub(super) fn put(&mut self, place: &[Vec<u8>], node: Node) -> Result<(), Refused> {
        let directory = Refused {
            kind: ErrorKind::Exists,
            reason: "[21] Is a directory",
        };
        let Some((name, above)) = place.split_last() else {
            return Err(directory);
        };
        match self.get_mut(above) {
            None => Err(Refused {
                kind: ErrorKind::NotFound,
                reason: "",
            }),
            Some(Node::Path { children, .. }) => {
                if matches!(children.get(name), Some(Node::Path { .. })) {
                    return Err(directory);
                }
                children.insert(name.clone(), node);
                Ok(())
            }
            Some(_) => Err(Refused {
                kind: ErrorKind::Broken,
                reason: "[20] Not a directory",
            }),
        }
    }

    /// Makes a directory and its parents; the error is the reason, empty for a link that leads nowhere.
    pub(super) fn create_path(
        &mut self,
        path: &StoragePath,
        mode: u32,
        now: i64,
    ) -> Result<(), &'static str> {
        let place = self.resolve(path, true).ok_or("")?;
        let mut node = &mut self.root;
        for name in place {
            let Node::Path { children, .. } = node else {
                return Err("[20] Not a directory");
            };
            node = children
                .entry(name)
                .or_insert_with(|| Node::directory(mode, now));
        }
        if node.children().is_some() {
            Ok(())
        } else {
            Err("[17] File exists")
        }
    }
}

fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    path.split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
}
