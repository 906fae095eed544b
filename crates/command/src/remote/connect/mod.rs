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

/// A link to `host`, which has this cluster or repository. Nothing is connected yet.
///
/// # Errors
/// What the command asks for cannot be said.
pub fn link(context: &Context, side: Side, key: u32, host: &str) -> Result<Link> {
    let config = &context.config;
    let kind = for_side(side, option::PG_HOST_TYPE, option::REPO_HOST_TYPE);
    let (transport, dial): (&str, Box<dyn Dial>) = match config.string_at(kind, key) {
        Some("tls") => ("tls", Box::new(tls::dial(context, side, key, host))),
        _ => ("ssh", Box::new(ssh::dial(context, side, key, host)?)),
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
