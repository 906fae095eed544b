//! What is known of the entries of a storage: type, size, time, owner.

use crate::path::StoragePath;

/// How much [`FileInfo`] shall say; more may cost more round trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum InfoLevel {
    /// Name and nothing else is promised.
    Exists,
    /// Also the type.
    Type,
    /// Also size and modification time.
    #[default]
    Basic,
    /// Also owner, group, mode and link destination.
    Detail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    File,
    Path,
    Link,
    /// Socket, FIFO or device.
    Special,
}

/// Owner of a file: numbers always, names where the system knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
    /// `None`: no such user on this machine.
    pub user: Option<String>,
    /// `None`: no such group on this machine.
    pub group: Option<String>,
}

/// What is known of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// From `info`: the path asked for. From `list`: the bare name. From `list_tree`: relative to the listed path.
    pub name: StoragePath,
    pub kind: FileType,
    /// Bytes; 0 for anything but files.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub modified: i64,
    /// Permission bits (octal 0..7777); only with [`InfoLevel::Detail`].
    pub mode: u32,
    /// Only with [`InfoLevel::Detail`], and `None` where the storage keeps no owners.
    pub owner: Option<Owner>,
    /// Destination as written in the link; only with [`InfoLevel::Detail`].
    pub link_destination: Option<Vec<u8>>,
}

/// Outcome of a removal: a file that was not there is not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    Removed,
    Missing,
}

/// Outcome of a tree listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Found,
    Missing,
}
