//! What numbers of a repository can be. It may be damaged, or written by somebody who means harm: a number is bounded where it is
//! parsed, far above all that real clusters have, so that nothing behind has to think of sums that overflow, of times that no
//! calendar knows, or of memory for a block of petabytes.

use std::ops::RangeInclusive;

use crate::error::{Error, Result};

/// Bytes of a file, as it is in the cluster and as it is stored: 1 PiB.
pub(crate) const FILE_SIZE: u64 = 1 << 50;
/// Bytes of all files of a set, and of a bundle: 64 PiB. Sums over some hundred sets fit in 64 bits.
pub(crate) const SET_SIZE: u64 = 1 << 56;
/// Bundles of a set, which are numbered.
pub(crate) const BUNDLES: u64 = 1 << 40;
/// Bytes of a block of a file that is stored block-incrementally: 1 GiB, the size of a whole segment of a relation. It is held in
/// memory.
pub(crate) const BLOCK_SIZE: u64 = 1 << 30;
/// Bytes of the checksum of a block.
pub(crate) const BLOCK_CHECKSUM_SIZE: u64 = 16;
/// Seconds since 1970, up to the year 9999 in every time zone.
pub(crate) const TIME: u64 = 253_402_207_199;

/// The value, if it is one that can be. `object` is what it belongs to: `file 'pg_data/PG_VERSION'`.
pub(crate) fn within(
    range: RangeInclusive<u64>,
    value: u64,
    key: &str,
    object: impl FnOnce() -> String,
) -> Result<u64> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = range.into_inner();
    Err(damaged(format!(
        "value {value} of '{key}' of {} is out of range ({least} to {most})",
        object()
    )))
}

/// A value that cannot be.
pub(crate) fn damaged(message: String) -> Error {
    Error::format(message).with_hint("it is damaged: run verify, and use another backup set.")
}
