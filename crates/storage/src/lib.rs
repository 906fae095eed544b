//! Places that hold files: directory trees, SFTP servers and (later) buckets.
//!
//! A [`Storage`] holds files by relative path. It knows nothing of stanzas, labels or option names. Every
//! backend has one folder here and is constructed from its own `…Settings` struct.

pub mod conformance;
pub mod connection;
pub mod copy;
pub mod durability;
pub mod error;
mod left_over;
pub mod memory;
pub mod path;
pub mod posix;
pub mod registry;
pub mod sftp;
pub mod space;
pub mod storage;
pub mod temporary;
pub mod ticket;
pub mod together;
pub mod wrap;

pub use connection::Connection;
pub use durability::Durability;
pub use error::{Error, ErrorKind, Operation, Result};
pub use path::StoragePath;
pub use space::Space;
pub use storage::{
    Features, FileInfo, FileTree, FileType, Found, InfoLevel, ListOptions, Owner, PipelineRead,
    Range, ReadOptions, Removed, Storage, StorageKind, StorageWrite, WriteMode, WriteOptions,
};
pub use ticket::{Ticket, TicketResolver, Written};
pub use together::together;
