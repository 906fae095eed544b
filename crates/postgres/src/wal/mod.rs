//! Files of the write-ahead log: their names, the arithmetic of segments, and the header of the first page.

pub mod ended;
pub mod header;
#[cfg(test)]
mod made_segment;
pub mod name;
mod records;
pub mod segment;
pub mod tablespaces;

use crate::error::{Error, Result};

/// Smallest WAL segment size in bytes (`WalSegMinSize`).
pub const SEGMENT_SIZE_MIN: u32 = 1024 * 1024;
/// Largest WAL segment size in bytes (`WalSegMaxSize`).
pub const SEGMENT_SIZE_MAX: u32 = 1024 * 1024 * 1024;

/// Refuses a segment size (in bytes) that PostgreSQL cannot have.
pub(crate) fn check_segment_size(size: u32) -> Result<()> {
    if size.is_power_of_two() && (SEGMENT_SIZE_MIN..=SEGMENT_SIZE_MAX).contains(&size) {
        return Ok(());
    }
    Err(Error::format(format!(
        "wal segment size is {size} but must be a power of two between {SEGMENT_SIZE_MIN} and {SEGMENT_SIZE_MAX} inclusive"
    )))
}
