//! What every host of a cluster can do, whether it is this one or another.
//!
//! The invariant: each method can be a message to a program on that host and its answer. Values go in and come out, no open
//! file and no closure crosses. What is large (a file, a listing) comes as a stream.

use std::fmt::Debug;
use std::path::Path;

use pgkeep_postgres::session::Session;
use pgkeep_repo::manifest::build::Listing;
use pgkeep_storage::{FileInfo, InfoLevel, Space, StoragePath};

use super::read_file::{OpenFile, ReadRequest};
use crate::error::Result;

/// The host of one of pg1, pg2, …. Paths are below the data directory unless a method says otherwise.
pub trait PgHost: Debug + Send + Sync {
    /// 1 for `pg1`.
    fn key(&self) -> u32;

    /// The data directory, as that host names it.
    fn path(&self) -> &Path;

    /// Full name of a file for messages.
    fn display(&self, path: &StoragePath) -> String;

    /// Whether a request costs a way to another host and back, so that it is worth asking for the next file before this one is
    /// read. Files must then be taken in the order in which they were asked for.
    fn has_latency(&self) -> bool;

    /// Looks one entry up; `None` if there is none. A link is reported as a link.
    fn info(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<FileInfo>>;

    /// Lists one directory; `None` if there is none.
    fn list(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<Vec<FileInfo>>>;

    /// The whole host from its root, to list the data directory, its tablespaces and what else its links lead to.
    fn listing(&self) -> &dyn Listing;

    /// Space of the file system that holds `path`; `None` where the path is missing.
    fn space(&self, path: &StoragePath) -> Result<Option<Space>>;

    /// The first bytes of a small file, `limit` at most.
    fn read_small(&self, path: &StoragePath, limit: u64) -> Result<Vec<u8>>;

    /// Begins to read a file through a pipeline that runs on that host, so that the host hashes, checks pages, compresses and
    /// encrypts. Does not wait for another host: several files may be under way.
    fn open_file(&self, request: ReadRequest) -> Result<Box<dyn OpenFile + '_>>;

    /// A session with the server.
    fn connect(&self) -> Result<Box<dyn Session>>;
}
