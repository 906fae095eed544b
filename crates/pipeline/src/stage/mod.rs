//! A pipeline as data: the list of things that happen to the bytes of one file, in order.
//!
//! Nothing runs here (`start` makes the running form). A list can be cloned, kept for a retry, or written down and sent to
//! the host where the bytes are. The invariants: everything in a stage is a value, and reports come back one per stage, in
//! the same order, even for stages that measure nothing.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::block::BlockSettings;
use crate::compress::CompressType;
use crate::page_check::PageCheckSettings;
use crate::secret;

/// One step of a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    Encrypt {
        #[serde(with = "secret")]
        pass: SecretString,
        raw: bool,
    },
    /// Decrypts AES-256-CBC.
    Decrypt {
        #[serde(with = "secret")]
        pass: SecretString,
        raw: bool,
    },
    /// Turns a file into the stored block incremental form. Report: `Block`.
    BlockIncremental(BlockSettings),
}

/// A list of stages; the first is nearest to the source.
///
/// Its written form (serde's) has the passphrases in clear, since whoever runs the stages needs them: it goes to that
/// host over an encrypted connection and nowhere else. `Debug`, which logs and errors use, leaves them out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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

    /// Whether a stage wants to read parts of the source again while it runs.
    pub fn rereads(&self) -> bool {
        self.0
            .iter()
            .any(|stage| matches!(stage, Stage::PageCheck(check) if check.reread))
    }

    pub(crate) fn into_stages(self) -> Vec<Stage> {
        self.0
    }
}

impl From<Vec<Stage>> for Pipeline {
    fn from(stages: Vec<Stage>) -> Pipeline {
        Pipeline(stages)
    }
}

#[cfg(test)]
mod tests;
