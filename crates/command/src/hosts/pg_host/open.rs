//! Which host a cluster is on, by the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_config::option;

use super::host::PgHost;
use super::local::LocalPgHost;
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;
use crate::run::not_yet;

/// Opens the host of the cluster with this key. Nothing is read or connected yet.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`] for a cluster on another host; [`ErrorCode::OptionRequired`] without a path.
pub fn open(context: &Context, key: u32) -> Result<Arc<dyn PgHost>> {
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
    Ok(Arc::new(LocalPgHost::new(
        context,
        key,
        PathBuf::from(path),
    )))
}
