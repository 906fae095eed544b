//! Tells the service manager that the server is ready, or about to end (`sd_notify`). Without one nothing happens.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::run::context::Context;

/// The variable that names the socket of systemd.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// Sends one state: `READY=1`, `STOPPING=1`. A service manager that cannot be told is no reason to end.
pub(crate) fn tell(context: &Context, state: &str) {
    let Some(name) = context.environment.get(VARIABLE) else {
        return;
    };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    let sent = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        log::debug!("unable to tell the service manager {state}: {error}");
    }
}
