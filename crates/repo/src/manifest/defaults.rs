//! Defaults of owners and modes (`docs/format/manifest.md`): all are derived from the data directory's own entry.
//!
//! An entry of the file says only what differs. `false` in the file is an owner without a name, and a default as good as
//! any other.

use super::owner::OwnerId;
use super::path::Path;

/// Permission bits a file may have by default: owner may read and write, group may read.
const FILE_MASK: u32 = 0o640;

/// What entries are compared with when they are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) file_mode: u32,
    pub(super) path_mode: u32,
    pub(super) user: Option<OwnerId>,
    pub(super) group: Option<OwnerId>,
}

impl Defaults {
    /// The defaults of a cluster with this data directory.
    pub(super) fn of(base: &Path) -> Self {
        Self {
            file_mode: base.mode & FILE_MASK,
            path_mode: base.mode,
            user: base.user,
            group: base.group,
        }
    }
}
