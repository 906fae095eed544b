//! A pipeline as data: the list of things that happen to the bytes of one file, in order.
//!
//! Nothing runs here (`run` does). A list can be cloned, kept for a retry or sent to where the bytes are. The invariant:
//! reports come back one per stage, in the same order, even for stages that measure nothing.

use secrecy::SecretString;

use crate::block::BlockSettings;
use crate::compress::CompressType;
use crate::page_check::PageCheckSettings;
use crate::run::Running;

/// One step of a pipeline.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Counts the bytes that pass. Report: `Size`.
    Size,
    /// Hashes the bytes that pass. Report: `Sha1`.
    Sha1,
    /// Verifies PostgreSQL's page checksums of the bytes that pass. Report: `Page`.
    PageCheck(PageCheckSettings),
    /// Compresses. A level outside the range of the type is moved to the nearest end; `None` passes bytes through.
    Compress {
        kind: CompressType,
        level: i32,
        raw: bool,
    },
    /// Decompresses; `None` passes bytes through.
    Decompress { kind: CompressType, raw: bool },
    /// Encrypts with AES-256-CBC.
    Encrypt { pass: SecretString, raw: bool },
    /// Decrypts AES-256-CBC.
    Decrypt { pass: SecretString, raw: bool },
    /// Turns a file into the stored block incremental form. Report: `Block`.
    BlockIncremental(BlockSettings),
}

/// A list of stages; the first is nearest to the source.
#[derive(Debug, Clone, Default)]
pub struct Pipeline(Vec<Stage>);

impl Pipeline {
    /// A pipeline of these stages.
    pub fn new(stages: Vec<Stage>) -> Pipeline {
        Pipeline(stages)
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.0
    }

    /// Appends a stage.
    pub fn push(&mut self, stage: Stage) {
        self.0.push(stage);
    }

    /// Makes the running form. `buffer_size`: bytes that may gather between two stages (softly: a codec may hand out
    /// one block more).
    pub fn start(self, buffer_size: usize) -> Running {
        Running::new(self.0, buffer_size)
    }
}

impl From<Vec<Stage>> for Pipeline {
    fn from(stages: Vec<Stage>) -> Pipeline {
        Pipeline(stages)
    }
}
