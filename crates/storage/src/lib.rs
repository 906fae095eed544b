//! Places that hold files: directory trees, SFTP servers and buckets.
//!
//! A [`Storage`] holds files by relative path. It knows nothing of stanzas, labels or option names. Every
//! backend has one folder here and is constructed from its own `…Settings` struct.

pub mod azure;
mod budget;
pub mod conformance;
pub mod connection;
pub mod copy;
pub mod durability;
pub mod error;
pub mod file_tree;
pub mod gcs;
pub mod http;
pub mod in_parallel;
pub mod info;
mod left_over;
pub mod memory;
pub mod object;
pub mod open;
pub mod options;
pub mod path;
pub mod paths;
pub mod posix;
pub mod protection;
pub mod rate_limit;
pub mod rights;
pub mod s3;
pub mod sftp;
pub mod space;
mod stop;
pub mod storage;
pub mod temporary;
pub mod ticket;
pub mod wrap;

pub use connection::Connection;
pub use durability::Durability;
pub use error::{Error, ErrorKind, NoCredentials, Operation, Result};
pub use file_tree::FileTree;
pub use in_parallel::in_parallel;
pub use info::{FileInfo, FileType, Found, InfoLevel, Owner, Removed};
pub use options::{ListOptions, Range, ReadOptions, WriteMode, WriteOptions};
pub use path::StoragePath;
pub use paths::{HardLinks, PathSync, Paths, SymbolicLinks, SyncTogether};
pub use protection::Protection;
pub use rate_limit::RateLimit;
pub use rights::{Attempt, Attempts, Right, Rights};
pub use space::Space;
pub use storage::{PipelineRead, Storage, StorageKind, StorageWrite};
pub use ticket::{Ticket, TicketResolver, Written};
