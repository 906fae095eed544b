//! From options to a connection with another host.
//!
//! `greeting` is what a run asks for, `arguments` the command line that pgBackRest would send, `ssh` the SSH client program as
//! a child of this process, `tls` a connection to a TLS server.

mod arguments;
mod child;
mod for_side;
mod greeting;
mod ssh;
#[cfg(test)]
mod tests;
mod tls;
mod told;

use std::path::{Path, PathBuf};

use for_side::for_side;
use pgkeep_config::{Config, option};

use crate::error::Result;
use crate::remote::dial::Dial;
use crate::remote::link::{HostName, Link};
use crate::remote::own_side;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// The host of this cluster or repository, if the configuration says that it is another one.
#[must_use]
pub fn host(config: &Config, side: Side, key: u32) -> Option<&str> {
    config.string_at(for_side(side, option::PG_HOST, option::REPO_HOST), key)
}

/// How the host of this repository is reached by a process that keeps a connection for others, and the socket at which it lends
/// it; `None` where none ever does.
///
/// # Errors
/// What the command asks for cannot be said.
pub fn kept(context: &Context, key: u32, host: &str) -> Result<Option<(Box<dyn Dial>, PathBuf)>> {
    if is_tls(&context.config, Side::Repo, key) {
        return Ok(None);
    }
    let dial = ssh::dial(context, Side::Repo, key, host)?;
    let socket = dial.socket().map(Path::to_owned);
    Ok(socket.map(|socket| (Box::new(dial) as Box<dyn Dial>, socket)))
}

fn is_tls(config: &Config, side: Side, key: u32) -> bool {
    let kind = for_side(side, option::PG_HOST_TYPE, option::REPO_HOST_TYPE);
    config.string_at(kind, key) == Some("tls")
}

/// A link to `host`, which has this cluster or repository. Nothing is connected yet.
///
/// # Errors
/// What the command asks for cannot be said.
pub fn link(context: &Context, side: Side, key: u32, host: &str) -> Result<Link> {
    let config = &context.config;
    let (transport, dial): (&str, Box<dyn Dial>) = match is_tls(config, side, key) {
        true => ("tls", Box::new(tls::dial(context, side, key, host))),
        false => ("ssh", Box::new(ssh::dial(context, side, key, host)?)),
    };
    let name = HostName {
        side,
        key,
        host: host.to_owned(),
        transport,
    };
    let greeting = greeting::greeting(context, side, key)?;
    let mut settings = own_side::settings();
    settings.pace.answer_within = config.time(option::PROTOCOL_TIMEOUT);
    let cancel = context.cancel.clone();
    Ok(Link::with_settings(name, dial, greeting, cancel, settings))
}
