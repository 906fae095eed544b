//! Facts about PostgreSQL: versions, positions in the WAL, names of WAL files, control file, data pages, what belongs to a
//! data directory, recovery settings, and the SQL session.
//!
//! Everything but `session` is a function from bytes or text to values and opens nothing. Differences between versions are
//! tables (`control::layout`, `data_dir`), not conditions spread over the code. Nothing here knows a repository or an option.

pub mod control;
pub mod data_dir;

pub mod error;
pub mod lsn;
pub mod page;
pub mod recovery;
pub mod session;

pub mod timeline;
pub mod version;
pub mod wal;

pub use control::ControlFile;
pub use error::{Error, ErrorKind, Result};
pub use lsn::Lsn;
pub use timeline::TimelineId;
pub use version::PgVersion;
pub use wal::header::WalHeader;
pub use wal::segment::WalSegment;
