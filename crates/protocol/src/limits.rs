//! What one side takes from the other: sizes of frames and messages, and bytes that may wait unread.

use serde::{Deserialize, Serialize};

/// What a frame costs beyond its payload, so that small ones cannot fill memory with their bookkeeping.
pub(crate) const FRAME_COST: u64 = 64;

/// Room that a frame with so long a payload takes in a window.
pub(crate) fn cost(length: usize) -> u64 {
    length as u64 + FRAME_COST
}

/// What a side takes. Each tells the other in its greeting. A number that is missing there is the default, which is why the
/// defaults are part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Longest payload of a frame of a session.
    pub frame: u32,
    /// Bytes that each session may have unread, whatever the others do.
    pub window: u32,
    /// Bytes that all sessions together may have unread beyond their windows.
    pub shared: u32,
    /// Sessions that may be open at the same time.
    pub sessions: u32,
    /// Longest message, which may take several frames.
    pub message: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 64 * 1024,
            window: 4 * (64 * 1024 + FRAME_COST as u32),
            shared: 16 * 1024 * 1024,
            sessions: 64,
            message: 1024 * 1024,
        }
    }
}

impl Limits {
    /// Whether a conversation is possible within these limits. Half a window must hold a frame: the other half may have been
    /// read without the other side knowing yet.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sane = self.frame >= 1024
            && u64::from(self.window) / 2 >= u64::from(self.frame) + FRAME_COST
            && self.sessions >= 1
            && self.message >= self.frame;
        if sane {
            Ok(())
        } else {
            Err(format!("no conversation fits into {self:?}"))
        }
    }

    /// Bytes that the other side can make this one hold.
    #[must_use]
    pub fn memory(&self) -> u64 {
        u64::from(self.sessions) * u64::from(self.window) + u64::from(self.shared)
    }
}
