//! Builds a manifest from the data directory: what is in it, where its links lead, what stays out (`docs/format/manifest.md`).
//!
//! [`visit`] has the rules, [`links`] those of links, and both do no I/O. [`walk`] reads directories and hands entries to
//! them. No SQL, no options: the caller says what the cluster is ([`BuildSettings`]).

mod found_link;
mod link_check;
mod links;
mod listing;
#[cfg(test)]
mod tests;
mod visit;
mod walk;

use pgkeep_pipeline::block::size_map::BlockRules;
use pgkeep_postgres::PgVersion;

pub use link_check::check_links;
pub use listing::Listing;
pub use walk::build;

use super::Manifest;

/// A tablespace as the cluster names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablespaceName {
    pub oid: u32,
    pub name: Vec<u8>,
}

/// What the builder has to know of the cluster and of the backup.
#[derive(Debug, Clone)]
pub struct BuildSettings {
    /// Absolute path of the data directory, as configured.
    pub pg_path: Vec<u8>,
    pub version: PgVersion,
    pub catalog_version: u32,
    pub control_version: u32,
    /// Start of the backup, seconds since 1970; ages for the block size count from here.
    pub timestamp_start: i64,
    /// A server runs: WAL comes from the archive.
    pub online: bool,
    /// Page checksums will be checked.
    pub checksum_page: bool,
    /// Small files go into bundles.
    pub bundle: bool,
    /// Files are stored block-incrementally by these rules.
    pub block: Option<BlockRules>,
    /// Names below the data directory; with a slash at the end the contents of a directory.
    pub exclude: Vec<Vec<u8>>,
    /// Tablespaces of the running cluster; `None`: offline, names are made up.
    pub tablespaces: Option<Vec<TablespaceName>>,
}

/// Something to log about the build, in pgBackRest's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Info(String),
    Warn(String),
}

/// A manifest and what is to be logged about it.
#[derive(Debug)]
pub struct Built {
    pub manifest: Manifest,
    pub notices: Vec<Notice>,
}
