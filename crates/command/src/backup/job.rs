//! What the main thread tells a worker to copy, and what the worker tells it back: plain values.
//!
//! A job is one repository file: a bundle of many cluster files, or one file alone. Everything the worker needs is in it,
//! so that workers never see the manifest.

use pgkeep_pipeline::{PageReport, Sha1Digest};
use pgkeep_postgres::data_dir;
use pgkeep_storage::StoragePath;

use super::from_standby::SourceHost;

/// One repository file to be written.
#[derive(Debug, Clone)]
pub(super) struct CopyJob {
    /// Where all of its files come from.
    pub host: SourceHost,
    /// The bundle, or the file's own place in the repository.
    pub target: StoragePath,
    /// 0: the only file is stored alone.
    pub bundle_id: u64,
    pub files: Vec<FileJob>,
}

/// Largest file that is small, bytes: its own costs are more than those of its bytes.
const SMALL: u64 = 1 << 20;

impl CopyJob {
    /// Whether it is a small file that is stored alone.
    pub(super) fn is_small(&self) -> bool {
        self.bundle_id == 0 && self.files.iter().all(|file| is_small(file.size_original))
    }
}

/// Whether a file of this size is small.
pub(super) fn is_small(size: u64) -> bool {
    size <= SMALL
}

/// One file of the cluster.
#[derive(Debug, Clone)]
pub(super) struct FileJob {
    /// Name in the manifest.
    pub name: Vec<u8>,
    /// Size and checksum that the file has if it is the one of the prior or the resumed backup, bytes.
    pub size: u64,
    pub checksum: Option<Sha1Digest>,
    /// Size when the manifest was built: no more than this is read, since what was added later comes from WAL.
    pub size_original: u64,
    /// The control file, of which a checked image of full size is stored.
    pub is_control: bool,
    /// Compare the checksum before copying.
    pub delta: bool,
    /// The file is in the repository already, left by an aborted run; `repo_size` and `repo_checksum` say what it must be.
    pub resume: bool,
    pub repo_size: u64,
    pub repo_checksum: Option<Sha1Digest>,
    /// A prior backup has the file, so it need not be stored if it did not change.
    pub has_reference: bool,
    /// The server may have removed it meanwhile.
    pub may_vanish: bool,
    pub page_check: bool,
    pub block: Option<BlockJob>,
}

impl FileJob {
    /// The name for people.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// Its place on its host.
    pub(super) fn path(&self) -> StoragePath {
        pg_path(&self.name)
    }
}

/// The place of a cluster file below the data directory; tablespaces are reached through their links.
pub(super) fn pg_path(name: &[u8]) -> StoragePath {
    let below = name
        .strip_prefix(data_dir::PG_DATA)
        .and_then(|rest| rest.strip_prefix(b"/"));
    StoragePath::new(below.unwrap_or(name))
}

/// How a file is stored block by block.
#[derive(Debug, Clone)]
pub(super) struct BlockJob {
    /// Bytes in a block.
    pub block_size: usize,
    /// Bytes of a block checksum.
    pub checksum_size: usize,
    /// Where the map of the prior backup is.
    pub prior: Option<MapPlace>,
}

/// The piece of a repository file in which a block map is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MapPlace {
    pub path: StoragePath,
    pub offset: u64,
    pub size: u64,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is in the repository now.
    Stored,
    /// It became empty during the backup; bundles have no empty files, so nothing was stored.
    Truncated,
    /// It equals the file of the prior backup; nothing was stored.
    Unchanged,
    /// The file left by an aborted run is good.
    Resumed,
    /// The server removed it.
    Vanished,
}

/// What a worker found and did, for the manifest and the log.
#[derive(Debug, Clone)]
pub(super) struct FileResult {
    pub outcome: Outcome,
    /// The resumed file was damaged and has been replaced.
    pub repo_invalid: bool,
    /// Bytes that were copied.
    pub size: u64,
    pub checksum: Sha1Digest,
    pub repo_size: u64,
    /// `None`: stored as it is, so that `checksum` says it all.
    pub repo_checksum: Option<Sha1Digest>,
    pub bundle_offset: u64,
    /// 0: no block map.
    pub map_size: u64,
    pub page: Option<PageReport>,
}

impl FileResult {
    /// The result of a file that the server removed.
    pub(super) fn vanished() -> Self {
        Self::new(Outcome::Vanished, 0, Sha1Digest::EMPTY)
    }

    pub(super) fn new(outcome: Outcome, size: u64, checksum: Sha1Digest) -> Self {
        Self {
            outcome,
            repo_invalid: false,
            size,
            checksum,
            repo_size: 0,
            repo_checksum: None,
            bundle_offset: 0,
            map_size: 0,
            page: None,
        }
    }
}
