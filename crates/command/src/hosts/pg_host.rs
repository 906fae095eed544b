//! One of pg1, pg2, …: where its cluster is.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_config::option;
use pgkeep_storage::posix::{PosixSettings, PosixStorage};

use super::not_yet;
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// One of pg1, pg2, …: a cluster on this host.
#[derive(Debug, Clone)]
pub struct PgHost {
    pub key: u32,
    /// Data directory.
    pub path: PathBuf,
    /// The data directory as a storage.
    pub storage: Arc<PosixStorage>,
}

/// Opens the data directory with this key.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`] for a cluster on another host; [`ErrorCode::OptionRequired`] without a path.
pub fn open(context: &Context, key: u32) -> Result<PgHost> {
    let config = &context.config;
    not_yet::refuse_pg_host(config, key)?;
    let path = config.string_at(option::PG_PATH, key).ok_or_else(|| {
        Error::new(
            ErrorCode::OptionRequired,
            format!(
                "{} command requires option: pg{key}-path",
                config.command().name()
            ),
        )
        .with_hint("does this stanza exist?")
    })?;
    Ok(PgHost {
        key,
        path: PathBuf::from(path),
        storage: Arc::new(PosixStorage::new(PosixSettings::at(path))),
    })
}
