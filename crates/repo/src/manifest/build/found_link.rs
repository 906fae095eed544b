//! A link of the data directory on its way to a target of the manifest.

use pgkeep_storage::FileInfo;

/// A link whose destination is still to be found out.
#[derive(Debug)]
pub(super) struct FoundLink {
    /// Manifest name of the link.
    pub(super) name: Vec<u8>,
    /// Directory that holds the link, as seen from the data directory.
    pub(super) pg_path: Vec<u8>,
    /// Absolute destination.
    pub(super) destination: Vec<u8>,
    pub(super) written: Vec<u8>,
    pub(super) tablespace: Option<u32>,
}

/// What is at the end of a link.
#[derive(Debug)]
pub(super) enum Destination {
    Missing,
    /// Directory, file or special; a link is refused before.
    Entry(FileInfo),
}

/// How the destination of a link is walked: as the link's own name, or as a directory of a tablespace.
#[derive(Debug)]
pub(super) struct LinkedEntry {
    pub(super) parent: Vec<u8>,
    pub(super) pg_path: Vec<u8>,
    pub(super) name: Vec<u8>,
}
