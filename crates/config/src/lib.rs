//! What may be said to pgkeep and what was said: commands, options, and the resolved configuration with provenance.

pub mod define;

pub use define::{command, option};
