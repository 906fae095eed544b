//! Which host a cluster is on, by the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_config::option;

use super::host::PgHost;
use super::local::LocalPgHost;
use super::remote::{RemotePgHost, RemoteSettings};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::rate_limits;
use crate::remote::connect;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// Opens the host of the cluster with this key. Nothing is read or connected yet.
///
/// # Errors
/// [`ErrorCode::OptionRequired`] without a path; what the other host cannot be asked for.
pub fn open(context: &Context, key: u32) -> Result<Arc<dyn PgHost>> {
    let config = &context.config;
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
    let path = PathBuf::from(path);
    let Some(host) = connect::host(config, Side::Pg, key) else {
        return Ok(Arc::new(LocalPgHost::new(context, key, path)));
    };
    let stanza = config.string(option::STANZA);
    let link = context.links.get(Side::Pg, key, stanza, || {
        connect::link(context, Side::Pg, key, host)
    })?;
    let level = config.integer(option::COMPRESS_LEVEL_NETWORK).unwrap_or(1);
    let settings = RemoteSettings {
        key,
        path,
        network_level: i32::try_from(level).unwrap_or(1),
        limit: rate_limits::of_cluster(context, key),
    };
    Ok(Arc::new(RemotePgHost::new(settings, link)))
}
