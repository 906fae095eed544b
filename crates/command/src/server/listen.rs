//! The port of the server.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::remote::tls::socket::numbered;

/// Listens on the first address that the name has, as pgBackRest; `*` is every one of this host.
pub(super) fn listen(settings: &Settings) -> Result<TcpListener> {
    let (name, port) = (settings.address.as_str(), settings.port);
    let wanted = if name == "*" { "0.0.0.0" } else { name };
    let address: SocketAddr = (wanted, port)
        .to_socket_addrs()
        .and_then(|mut addresses| {
            let none = || io::Error::other("it has none");
            addresses.next().ok_or_else(none)
        })
        .map_err(|error| {
            Error::new(
                ErrorCode::HostConnect,
                format!("unable to get address for '{name}': {error}"),
            )
        })?;
    // One that waits for connections may always be followed by another one at once (SO_REUSEADDR), so what is busy is so.
    TcpListener::bind(address)
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .map_err(|error| {
            let told = Error::new(
                ErrorCode::FileOpen,
                format!("unable to bind socket: {}", numbered(&error)),
            );
            match error.kind() {
                io::ErrorKind::AddrInUse => told.with_hint(format!(
                    "another program listens on {address}: is it another server of pgkeep or pgBackRest? 'tls-server-port' changes the port."
                )),
                _ => told.with_hint(format!("the address is {address}, from 'tls-server-address'.")),
            }
        })
}
