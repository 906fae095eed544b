//! Block incremental files: only the blocks that changed since the prior backup are stored (docs/format/block-incremental.md).
//!
//! `size_map` and `checksum` hold the rules and the block hash, `varint`, `map` and `encode` the block map, `writer`
//! the stored form, `delta` what a restore must read. The invariant: a map comes from the repository and is not
//! trusted; no number in it decides how much memory is taken before it was checked against what is really there.

pub mod checksum;
pub mod delta;
mod encode;
pub mod map;
pub mod size_map;
mod varint;
mod writer;

pub use map::{BlockMap, BlockMapItem};
pub use writer::{BlockSettings, BlockWriter};
