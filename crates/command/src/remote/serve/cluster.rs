//! Serves a cluster of this host.

use std::sync::Arc;

use super::opened::Opened;
use crate::error::{Error, ErrorCode, Result};
use crate::remote::rights::Rights;
use crate::run::context::Context;

/// Opens the cluster of this run for a client with these rights.
pub(super) fn open(context: &Arc<Context>, rights: Rights) -> Result<Opened> {
    let _ = (context, rights);
    Err(Error::new(
        ErrorCode::OptionInvalid,
        "this release serves no cluster to another host yet",
    ))
}
