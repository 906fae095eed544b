//! What each stage says once the data has ended.
//!
//! Plain values: a pipeline may run on another host, and then its bytes and its reports are all that comes back.

use serde::{Deserialize, Serialize};

use crate::hash::Sha1Digest;

/// What one stage measured; the order is that of the stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The stage measures nothing.
    None,
    /// Bytes that passed.
    Size(u64),
    /// SHA-1 of the bytes that passed.
    Sha1(Sha1Digest),
    /// Result of the page check.
    Page(PageReport),
    /// Result of the block incremental stage.
    Block(BlockReport),
}

impl Report {
    /// The size, if this is one.
    pub fn size(&self) -> Option<u64> {
        match self {
            Report::Size(size) => Some(*size),
            _ => None,
        }
    }

    /// The digest, if this is one.
    pub fn sha1(&self) -> Option<Sha1Digest> {
        match self {
            Report::Sha1(digest) => Some(*digest),
            _ => None,
        }
    }

    /// The page report, if this is one.
    pub fn page(&self) -> Option<&PageReport> {
        match self {
            Report::Page(page) => Some(page),
            _ => None,
        }
    }

    /// The block report, if this is one.
    pub fn block(&self) -> Option<&BlockReport> {
        match self {
            Report::Block(block) => Some(block),
            _ => None,
        }
    }
}

/// Outcome of the page checksums of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageReport {
    /// No error and no misalignment: `checksum-page` of the manifest.
    pub valid: bool,
    /// The size is no multiple of the page size. Then the manifest holds no list of pages, whatever `errors` says.
    pub misaligned: bool,
    /// Relation-wide numbers of bad pages as (first, last), ascending, neighbours merged.
    pub errors: Vec<(u32, u32)>,
}

/// Outcome of the block incremental stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReport {
    /// Bytes written in all: `repo-size`. 0 if nothing changed.
    pub repo_size: u64,
    /// Bytes of the stored block map: `bim`. 0 if nothing changed, in which case the file becomes a reference.
    pub map_size: u64,
    /// Blocks that were stored, as opposed to referenced.
    pub stored_blocks: u64,
}

impl BlockReport {
    /// Whether every block equals the prior backup's, so that nothing was written.
    pub fn unchanged(&self) -> bool {
        self.map_size == 0
    }
}
