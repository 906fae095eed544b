//! A piece of a file, as it crosses.

use pgkeep_storage::Range;
use serde::{Deserialize, Serialize};

/// Without a length it goes to the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireRange {
    #[serde(default)]
    pub offset: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

impl From<Range> for WireRange {
    fn from(range: Range) -> Self {
        Self {
            offset: range.offset,
            length: range.length,
        }
    }
}

impl From<WireRange> for Range {
    fn from(range: WireRange) -> Self {
        Self {
            offset: range.offset,
            length: range.length,
        }
    }
}
