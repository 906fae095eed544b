//! Who may run a server.

use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Refuses root, as PostgreSQL does.
///
/// # Errors
/// [`ErrorCode::Access`]
pub(crate) fn refuse_root(context: &Context) -> Result<()> {
    if context.user.uid != 0 {
        return Ok(());
    }
    let name = context.config.command().name();
    Err(Error::new(
        ErrorCode::Access,
        format!("{name} cannot be run as root: PostgreSQL refuses to start as root"),
    )
    .with_hint(format!(
        "run it as the user who runs PostgreSQL: runuser -u postgres -- pgkeep --stanza=... {name}"
    )))
}
