//! Writes commands and options down again: for the log, for child processes, as help, reference, man pages and shell completion.
//!
//! Invariant: a secret never leaves this module in readable form, except through nothing at all: it is `<redacted>` or left out.

pub mod argv;
pub mod candidates;
pub mod completion;
mod facts;
pub mod help;
pub mod man;
pub mod reference;
mod shell;
#[cfg(test)]
mod tests;
mod text;

pub use shell::shell_word;
