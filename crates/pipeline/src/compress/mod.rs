//! Compression types: names, extensions, levels, and which codec serves each (docs/format/compression-and-encryption.md).
//!
//! One file per codec; each has a compressor and a decompressor that are `Transform`s. The invariant: whatever is
//! written is one member or frame that pgBackRest reads, and whatever pgBackRest writes can be read.

mod bz2;
mod deflate;
mod gz;
mod lz4;
mod lz4_frame;
mod room;
mod zst;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::transform::Transform;

/// How a file is compressed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub enum CompressType {
    #[default]
    None,
    Gz,
    Lz4,
    Zst,
    Bz2,
}

impl CompressType {
    /// Every type, `None` first.
    pub const ALL: [CompressType; 5] = [
        CompressType::None,
        CompressType::Gz,
        CompressType::Lz4,
        CompressType::Zst,
        CompressType::Bz2,
    ];

    /// Value of `compress-type` and `option-compress-type`.
    pub fn name(self) -> &'static str {
        match self {
            CompressType::None => "none",
            CompressType::Gz => "gz",
            CompressType::Lz4 => "lz4",
            CompressType::Zst => "zst",
            CompressType::Bz2 => "bz2",
        }
    }

    /// Extension with its dot; empty for `None`.
    pub fn extension(self) -> &'static str {
        match self {
            CompressType::None => "",
            CompressType::Gz => ".gz",
            CompressType::Lz4 => ".lz4",
            CompressType::Zst => ".zst",
            CompressType::Bz2 => ".bz2",
        }
    }

    /// Level used when none is configured.
    pub fn default_level(self) -> i32 {
        match self {
            CompressType::None => 0,
            CompressType::Gz => 6,
            CompressType::Lz4 => 1,
            CompressType::Zst => 3,
            CompressType::Bz2 => 9,
        }
    }

    /// Levels that `compress-level` may have.
    pub fn level_range(self) -> RangeInclusive<i32> {
        match self {
            CompressType::None => 0..=0,
            CompressType::Gz => -1..=9,
            CompressType::Lz4 => -5..=12,
            CompressType::Zst => -7..=22,
            CompressType::Bz2 => 1..=9,
        }
    }

    /// The type a file name says by its extension; `None` if it has none that is known.
    pub fn from_extension(file_name: &str) -> CompressType {
        CompressType::ALL
            .into_iter()
            .skip(1)
            .find(|kind| file_name.ends_with(kind.extension()))
            .unwrap_or(CompressType::None)
    }
}

impl fmt::Display for CompressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CompressType {
    type Err = Error;

    /// Reads a name such as `gz`, without a dot.
    fn from_str(name: &str) -> Result<CompressType> {
        CompressType::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| Error::format(format!("invalid compression type '{name}'")))
    }
}

/// Makes the compressor; `None` for a type that does nothing.
pub(crate) fn compressor(kind: CompressType, level: i32, raw: bool) -> Option<Box<dyn Transform>> {
    let level = level.clamp(*kind.level_range().start(), *kind.level_range().end());
    match kind {
        CompressType::None => None,
        CompressType::Gz => Some(gz::compressor(level, raw)),
        CompressType::Lz4 => Some(lz4::compressor(level, raw)),
        CompressType::Zst => Some(Box::new(zst::Compressor::new(level))),
        CompressType::Bz2 => Some(Box::new(bz2::Compressor::new(level))),
    }
}

/// Makes the decompressor; `None` for a type that does nothing.
pub(crate) fn decompressor(kind: CompressType, raw: bool) -> Option<Box<dyn Transform>> {
    match kind {
        CompressType::None => None,
        CompressType::Gz => Some(Box::new(gz::Decompressor::new(raw))),
        // A frame says itself whether it has a checksum, so raw needs no telling.
        CompressType::Lz4 => Some(Box::new(lz4_frame::Decompressor::new())),
        CompressType::Zst => Some(Box::new(zst::Decompressor::new())),
        CompressType::Bz2 => Some(Box::new(bz2::Decompressor::new())),
    }
}

#[cfg(test)]
mod tests;
