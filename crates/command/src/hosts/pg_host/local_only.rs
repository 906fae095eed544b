//! Commands that run on the host of the cluster only.

use pgkeep_config::option;

use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Refuses to run away from the cluster. As with pgBackRest the first one counts.
///
/// # Errors
/// [`ErrorCode::HostInvalid`] when `pg-host` is set.
pub fn require_local(context: &Context) -> Result<()> {
    let config = &context.config;
    if config.string(option::PG_HOST).is_none() {
        return Ok(());
    }
    let command = config.command().name();
    Err(Error::new(
        ErrorCode::HostInvalid,
        format!("{command} command must be run on the PostgreSQL host"),
    ))
}
