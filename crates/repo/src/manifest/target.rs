//! `[backup:target]`: where the data directory, links and tablespaces were when the backup was made.

use super::path::{absolute, parent};
use super::{Manifest, PG_DATA, pg_name};

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// The data directory itself.
    Path,
    /// A directory outside, or with `file` one file in it, that a link in the data directory leads to.
    Link { file: Option<Vec<u8>> },
    /// A tablespace.
    Tablespace { oid: u32, name: Vec<u8> },
}

/// One place where files of the cluster lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Manifest name: `pg_data`, `pg_data/<link>`, `pg_tblspc/<oid>`.
    pub name: Vec<u8>,
    /// Directory, as found in the link, perhaps relative; of a file link the directory that holds the file.
    pub path: Vec<u8>,
    pub kind: TargetKind,
}

impl Target {
    /// Whether a link leads to this target.
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.kind != TargetKind::Path
    }

    /// File name of a file link.
    #[must_use]
    pub fn file(&self) -> Option<&[u8]> {
        match &self.kind {
            TargetKind::Link { file } => file.as_deref(),
            _ => None,
        }
    }

    /// Oid of a tablespace.
    #[must_use]
    pub fn tablespace_oid(&self) -> Option<u32> {
        match &self.kind {
            TargetKind::Tablespace { oid, .. } => Some(*oid),
            _ => None,
        }
    }
}

impl Manifest {
    /// The data directory; every manifest that was read or built has it.
    #[must_use]
    pub fn base_target(&self) -> Option<&Target> {
        self.target(PG_DATA)
    }

    /// The absolute directory of a target: a relative destination starts where its link is.
    #[must_use]
    pub fn target_path(&self, target: &Target) -> Vec<u8> {
        if target.path.starts_with(b"/") {
            return target.path.clone();
        }
        let mut from = self
            .base_target()
            .map(|base| base.path.clone())
            .unwrap_or_default();
        if target.tablespace_oid().is_some() {
            from.extend_from_slice(b"/pg_tblspc");
        } else {
            let parent = parent(pg_name(&target.name));
            if !parent.is_empty() {
                from.push(b'/');
                from.extend_from_slice(parent);
            }
        }
        absolute(&target.path, &from)
    }
}
