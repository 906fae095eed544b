//! What comes of reading a configuration.

use super::Config;

/// A configuration and what the user should be warned about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings in the order in which they are shown.
    pub warnings: Vec<String>,
}
