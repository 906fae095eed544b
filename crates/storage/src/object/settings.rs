//! How a bucket is used, whoever serves it: where in it the repository is, how much is under way.

use crate::protection::Lock;

/// Where in the bucket files are, and how hard it may be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSettings {
    /// Begins every key; a slash at its beginning is dropped.
    pub root: String,
    /// Pieces of a file that are asked for ahead of the reader.
    pub prefetch: usize,
    /// Pieces of one file that are no further apart than this are fetched as one.
    pub read_over: u64,
    /// Bytes that may wait in memory for the server.
    pub byte_budget: usize,
    /// Files are seen as they were then, in seconds since 1970, and none is changed. The bucket must keep versions.
    pub target_time: Option<i64>,
    /// How new files are locked.
    pub lock: Option<Lock>,
}

impl Default for ObjectSettings {
    fn default() -> Self {
        Self {
            root: String::new(),
            prefetch: 3,
            read_over: 64 << 10,
            byte_budget: 64 << 20,
            target_time: None,
            lock: None,
        }
    }
}
