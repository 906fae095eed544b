//! The surroundings of one run: what a command gets from outside, how it is ended, and what it tells while it works.

pub mod begin;
pub mod cancel;
pub mod clock;
pub mod context;
pub mod hangup;
pub mod label;
pub mod moved;
pub mod not_yet;
pub mod progress;
pub mod prompt;
pub mod repo_path;
pub mod run_result;
pub mod summary;
#[cfg(test)]
pub(crate) mod test_context;
#[cfg(test)]
pub(crate) mod test_stanza;
pub(crate) mod time_text;

pub use context::Context;
