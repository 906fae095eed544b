//! The format shared by `archive.info`, `backup.info` and `backup.manifest` (`docs/format/info-files.md`).
//!
//! An INI file whose values are JSON in pgBackRest's dialect, closed by a SHA-1 over its own contents. What the
//! sections mean is the business of [`crate::archive_info`], [`crate::backup_info`] and [`crate::manifest`].

mod checksum;
mod cipher;
pub mod json;
mod load;
mod opened_by;
mod read;
mod rekey;
mod save;
#[cfg(test)]
mod tests;
mod there;
mod write;

pub(crate) use cipher::StoredWriter;
pub use load::{LoadKind, load, load_one};
pub use opened_by::is_opened_by;
pub use read::{EachEntry, InfoHeader, read};
pub use rekey::Rekey;
pub use save::{StagedInfo, publish, stage, stored};
pub use there::are_there;
pub use write::InfoWriter;

/// `backrest-format` of every repository this program reads or writes.
pub const FORMAT: u64 = 5;

/// `backrest-version` that this program writes.
///
/// It names another program than pgBackRest on purpose: pgBackRest resumes a partial backup whose version equals
/// its own, and must not resume one of ours.
pub const PROGRAM_VERSION: &str = concat!("pgkeep ", env!("CARGO_PKG_VERSION"));
