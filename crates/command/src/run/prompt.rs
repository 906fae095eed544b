//! Questions to the person at the terminal, where there is one.
//!
//! Only questions of trust, and of consent to overwriting files, are asked. A command must have an option for
//! each question, so that it can run unattended.

use crate::error::Result;

/// Asks, and hands back the answer.
pub trait Prompt: Send + Sync {
    /// Shows the question and waits for a line; `None` when nobody is there.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    fn ask(&self, question: &str) -> Result<Option<String>>;
}

/// A run without terminal.
#[derive(Debug, Clone, Copy)]
pub struct NoTerminal;

impl Prompt for NoTerminal {
    fn ask(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }
}
