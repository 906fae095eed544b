//! The options of `metrics`.

use std::path::PathBuf;

use pgkeep_config::option;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::output_file::OutputFile;
use crate::run::Context;

/// Typed options of `metrics`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Only this stanza.
    pub(super) stanza: Option<String>,
    /// Where `verify` and asynchronous archiving leave word.
    pub(super) spool_path: String,
    /// Where the history of drills is.
    pub(super) log_path: PathBuf,
    /// Where to; standard output without.
    pub(super) file: Option<OutputFile>,
}

impl Settings {
    /// # Errors
    /// A name that node_exporter would not read.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let file = config.string(option::METRICS_FILE).map(file).transpose()?;
        Ok(Self {
            stanza: config.stanza().map(str::to_owned),
            spool_path: config
                .string(option::SPOOL_PATH)
                .unwrap_or("/var/spool/pgbackrest")
                .to_owned(),
            log_path: PathBuf::from(
                config
                    .string(option::LOG_PATH)
                    .unwrap_or("/var/log/pgbackrest"),
            ),
            file,
        })
    }
}

fn file(path: &str) -> Result<OutputFile> {
    let file = OutputFile::at(path);
    if file.name.len() > ".prom".len() && file.name.ends_with(".prom") {
        return Ok(file);
    }
    Err(Error::new(
        ErrorCode::OptionInvalidValue,
        format!("'{path}' is not allowed for 'metrics-file' option"),
    )
    .with_hint("the name must end in .prom, as node_exporter reads no other file."))
}
