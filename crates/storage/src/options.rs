//! How a storage shall list, read and write: the options of its calls, each with the usual choice as `Default`.

use crate::info::InfoLevel;

/// Options of `list` and `list_tree`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListOptions {
    pub level: InfoLevel,
    /// Sort ascending by name (bytes). Without it the order is the backend's.
    pub sort: bool,
}

/// One piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    /// `None`: to the end.
    pub length: Option<u64>,
}

/// Options of `open_read`.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Pieces in order; their bytes are delivered one after the other. Empty: the whole file. The backend merges and
    /// prefetches them.
    pub ranges: Vec<Range>,
    /// How much the caller expects to read at most, for prefetch (`None`: unknown).
    pub expect: Option<u64>,
    /// A missing file is reported as `ErrorKind::NotFound` at open by every backend; with this set a backend may report
    /// it at the first read instead, which saves a round trip.
    pub lazy_open: bool,
    /// The bytes are neither compressed nor encrypted, so a storage on another host may compress them for the way.
    pub compressible: bool,
}

/// How a file comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// Under a temporary name, then renamed: whole or not at all. For info files, manifests, WAL.
    #[default]
    Atomic,
    /// Under its own name. For files of a backup set, which the final manifest makes valid.
    InPlace,
}

/// Options of `open_write`.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    pub mode: WriteMode,
    /// Permission bits of the file, default 0640.
    pub file_mode: u32,
    /// Permission bits of directories made on the way, default 0750.
    pub path_mode: u32,
    /// Make missing parents.
    pub create_path: bool,
    /// fsync the file before its ticket resolves (and after an atomic rename the directory, where that exists).
    pub sync: bool,
    /// fsync the directory too (only matters with `sync`; a backup set syncs its directories once at the end).
    pub sync_path: bool,
    /// `false`: fail with `ErrorKind::Exists` when the file is there (only in place).
    pub truncate: bool,
    /// Size if known: helps to choose how to write.
    pub expect: Option<u64>,
    /// Owner to set before the file gets its name; ignored where the storage keeps no owners.
    pub owner: Option<(u32, u32)>,
    /// Modification time to set, seconds since 1970.
    pub modified: Option<i64>,
    /// As in [`ReadOptions`].
    pub compressible: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            mode: WriteMode::Atomic,
            file_mode: 0o640,
            path_mode: 0o750,
            create_path: true,
            sync: true,
            sync_path: true,
            truncate: true,
            expect: None,
            owner: None,
            modified: None,
            compressible: false,
        }
    }
}
