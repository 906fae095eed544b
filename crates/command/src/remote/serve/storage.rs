//! Serves a repository of this host.

use std::sync::Arc;

use super::opened::Opened;
use crate::error::{Error, ErrorCode, Result};
use crate::remote::rights::Rights;
use crate::run::context::Context;

/// Opens repository `key` of this run for a client with these rights.
pub(super) fn open(context: &Arc<Context>, key: u32, rights: Rights) -> Result<Opened> {
    let _ = (context, key, rights);
    Err(Error::new(
        ErrorCode::OptionInvalid,
        "this release serves no repository to another host yet",
    ))
}
