//! The options of the demonstration.

use std::path::PathBuf;

use pgkeep_config::option;

use crate::run::Context;

/// Typed options of `demo`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Leave everything in place at the end.
    pub(super) keep: bool,
    /// Where to work; a new temporary directory without it.
    pub(super) path: Option<PathBuf>,
    /// Where `initdb` and `postgres` are.
    pub(super) pg_bin: Option<PathBuf>,
}

impl Settings {
    pub(super) fn from(context: &Context) -> Self {
        let config = &context.config;
        Self {
            keep: config.boolean(option::DEMO_KEEP),
            path: config.string(option::DEMO_PATH).map(PathBuf::from),
            pg_bin: config.string(option::DEMO_PG_BIN).map(PathBuf::from),
        }
    }
}
