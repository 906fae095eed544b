//! Network compression: bytes that are as they are may cross in lz4, which nobody sees who asks for them.

use pgkeep_pipeline::{CompressType, Pipeline, Running, Stage};

/// Bytes that a side works on at once.
pub const BUFFER: usize = 64 * 1024;

/// What the sender does, as a stage behind all others.
#[must_use]
pub fn compress(level: i32) -> Stage {
    Stage::Compress {
        kind: CompressType::Lz4,
        level,
        raw: true,
    }
}

/// What the receiver does, as a stage before all others.
#[must_use]
pub fn expand() -> Stage {
    Stage::Decompress {
        kind: CompressType::Lz4,
        raw: true,
    }
}

/// A stage by itself.
#[must_use]
pub fn start(stage: Stage) -> Running {
    Pipeline::new(vec![stage]).start(BUFFER)
}
