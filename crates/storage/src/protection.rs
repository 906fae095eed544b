//! What keeps stored files from being removed: locks that the service enforces, and earlier versions.

use crate::error::Result;
use crate::path::StoragePath;

/// Who may end a lock before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has the special permission for it.
    Governance,
    /// Nobody.
    Compliance,
}

impl LockMode {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }
}

/// How new files are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    pub mode: LockMode,
    /// From when it was written.
    pub days: u32,
}

/// How long a file is kept whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptUntil {
    /// Seconds since 1970.
    Time(i64),
    /// As long as somebody holds it.
    Hold,
}

/// What is set for a bucket as a whole. `None`: the service does not tell these credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketProtection {
    /// What is overwritten or removed stays as an older version.
    pub versions: Option<bool>,
    /// Files can be locked.
    pub locks: Option<bool>,
    /// The lock that every new file gets, whoever writes it.
    pub default_lock: Option<Lock>,
}

/// A storage that can keep files from being removed.
pub trait Protection {
    /// Until when each file is locked, in the order asked; `None` where it is not locked any more, never was, or is not
    /// there. Asks nothing where the settings name no lock.
    fn kept_until(&self, paths: &[StoragePath]) -> Result<Vec<Option<KeptUntil>>>;

    /// The lock that new files get.
    fn lock(&self) -> Option<Lock>;

    /// What is set for the bucket.
    fn of_bucket(&self) -> Result<BucketProtection>;
}
