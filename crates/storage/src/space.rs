//! How much room a place has.

/// Space of the file system below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    /// What we may use.
    pub free: u64,
    /// Files there may be; 0: not counted.
    pub files: u64,
    pub files_free: u64,
    pub read_only: bool,
}
