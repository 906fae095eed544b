//! What the manifest knows of one file (`[target:file]`).

use std::ops::Deref;

use pgkeep_pipeline::Sha1Digest;

use super::name::FileName;
use super::owner::{LabelId, Names, OwnerId};
use crate::backup_label::BackupLabel;

/// Unit of `bi`: block sizes are multiples of this many bytes.
pub const BLOCK_UNIT: u64 = 8192;
/// Checksum bytes of a block unless the manifest says otherwise.
pub const BLOCK_CHECKSUM_MIN: u32 = 6;

/// Consecutive pages with wrong checksums, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRange {
    pub first: u64,
    pub last: u64,
}

/// Result of the page check of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PageCheck {
    /// The file has no pages, or checks are off.
    #[default]
    None,
    /// All pages are valid (or will be checked when the file is copied).
    Valid,
    /// Some are not; no list when the file's size does not fit whole pages.
    Invalid(Option<Box<[PageRange]>>),
}

/// Where in a bundle a file is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleSlice {
    /// Counts from 1.
    pub id: u64,
    /// Bytes from the start of the bundle.
    pub offset: u64,
}

/// Block-incremental properties of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFile {
    /// Bytes of a block, a multiple of [`BLOCK_UNIT`].
    pub size: u64,
    /// Bytes of a block's checksum.
    pub checksum_size: u32,
    /// Bytes of the stored block map; 0: the file is a candidate, but is stored whole (yet).
    pub map_size: u64,
}

/// Everything but the name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileData {
    /// Bytes that were copied.
    pub size: u64,
    /// Bytes when the cluster was listed.
    pub size_original: u64,
    /// Bytes stored in the repository.
    pub repo_size: u64,
    /// Modification time, seconds since 1970.
    pub timestamp: i64,
    /// SHA-1 of the content; `None`: not copied yet.
    pub checksum: Option<Sha1Digest>,
    /// SHA-1 of the stored bytes; `None` for plain copies and in old manifests.
    pub repo_checksum: Option<Sha1Digest>,
    pub page_check: PageCheck,
    pub bundle: Option<BundleSlice>,
    pub block: Option<BlockFile>,
    /// The backup that holds the data, if it is not this one.
    pub reference: Option<LabelId>,
    /// Permission bits.
    pub mode: u32,
    /// `None`: no name for the owner's number.
    pub user: Option<OwnerId>,
    pub group: Option<OwnerId>,
    /// Is to be copied (not written to the manifest).
    pub copy: bool,
    /// Is to be compared by checksum before it is copied (not written).
    pub delta: bool,
    /// Was found in a resumed backup and is to be verified instead of copied (not written).
    pub resume: bool,
}

impl FileData {
    /// Bytes of the stored block map; 0 for a file that is stored whole.
    #[must_use]
    pub fn block_map_size(&self) -> u64 {
        self.block.map_or(0, |block| block.map_size)
    }
}

/// A view of one file of a manifest.
#[derive(Debug, Clone)]
pub struct FileRef<'a> {
    pub name: FileName<'a>,
    pub data: FileData,
    pub(super) names: &'a Names,
}

impl<'a> FileRef<'a> {
    /// Owner; `None`: unknown.
    #[must_use]
    pub fn user_name(&self) -> Option<&'a str> {
        self.data.user.map(|id| self.names.owner(id))
    }

    #[must_use]
    pub fn group_name(&self) -> Option<&'a str> {
        self.data.group.map(|id| self.names.owner(id))
    }

    /// The backup that holds the data, if it is not the manifest's own.
    #[must_use]
    pub fn reference_label(&self) -> Option<&'a BackupLabel> {
        self.data.reference.map(|id| self.names.label(id))
    }
}

impl Deref for FileRef<'_> {
    type Target = FileData;

    fn deref(&self) -> &FileData {
        &self.data
    }
}
