//! Where `serve` listens, and what that place asks for: what other hosts reach must have TLS and a token.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::remote::tls::socket::numbered;

/// Listens on each address that the name has; `*` is every one of this host.
pub(super) fn listen(settings: &Settings) -> Result<Vec<TcpListener>> {
    let (name, port) = (settings.address.as_str(), settings.port);
    let wanted = if name == "*" { "0.0.0.0" } else { name };
    let addresses: Vec<SocketAddr> = (wanted, port)
        .to_socket_addrs()
        .map(Iterator::collect)
        .map_err(|error| {
            Error::new(
                ErrorCode::HostConnect,
                format!("unable to get address for '{name}': {error}"),
            )
            .with_hint("the name is from 'serve-address'.")
        })?;
    // Before anybody can connect.
    check_reach(&addresses, settings)?;
    let mut listeners = Vec::new();
    let mut missing = None;
    for address in addresses {
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            // `localhost` has an address of a family that is switched off.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                missing = Some(unable(address, &error));
            }
            Err(error) => return Err(unable(address, &error)),
        }
    }
    match (listeners.is_empty(), missing) {
        (true, Some(error)) => Err(error),
        (true, None) => Err(Error::new(
            ErrorCode::HostConnect,
            format!("unable to get address for '{name}': it has none"),
        )),
        (false, _) => Ok(listeners),
    }
}

fn unable(address: SocketAddr, error: &io::Error) -> Error {
    let told = Error::new(
        ErrorCode::FileOpen,
        format!("unable to bind socket: {}", numbered(error)),
    );
    match error.kind() {
        io::ErrorKind::AddrInUse => told.with_hint(format!(
            "another program listens on {address}: is it another pgkeep, or pgbackrest_exporter? 'serve-port' changes the port."
        )),
        _ => told.with_hint(format!("the address is {address}, from 'serve-address'.")),
    }
}

/// Refuses to be reached from other hosts without TLS and a token.
pub(super) fn check_reach(addresses: &[SocketAddr], settings: &Settings) -> Result<()> {
    let Some(open) = addresses.iter().find(|address| !is_own(address.ip())) else {
        return Ok(());
    };
    let missing = match (&settings.tls, &settings.token) {
        (None, _) => "serve-cert-file",
        (_, None) => "serve-token-file",
        (Some(_), Some(_)) => return Ok(()),
    };
    Err(Error::new(
        ErrorCode::OptionRequired,
        format!("serve command requires option: {missing}, as other hosts reach address {open}"),
    )
    .with_hint(
        "set serve-cert-file, serve-key-file and serve-token-file, or listen on localhost only.",
    ))
}

/// Whether only this host reaches it.
fn is_own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn settings(tls: bool, token: bool) -> Settings {
        Settings {
            address: "localhost".to_owned(),
            port: 0,
            tls: tls.then(|| (PathBuf::from("cert"), PathBuf::from("key"))),
            token: token.then(|| PathBuf::from("token")),
            names: Vec::new(),
            age: Duration::from_secs(60),
        }
    }

    #[test]
    fn what_other_hosts_reach_needs_both_tls_and_a_token() {
        let reach = |address: &str, tls, token| {
            let addresses = ["127.0.0.1:1".parse().unwrap(), address.parse().unwrap()];
            check_reach(&addresses, &settings(tls, token))
        };
        for own in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(reach(own, false, false).is_ok(), "{own}");
        }
        for open in [
            "0.0.0.0:1",
            "[::]:1",
            "192.0.2.1:1",
            "10.0.0.1:1",
            "[fe80::1]:1",
            "[::ffff:10.0.0.1]:1",
        ] {
            assert!(reach(open, true, true).is_ok(), "{open}");
            for (tls, token) in [(false, false), (true, false), (false, true)] {
                let error = reach(open, tls, token).unwrap_err();
                assert_eq!(error.code, ErrorCode::OptionRequired, "{open}");
                assert!(error.text().contains("HINT: "), "{error}");
            }
        }
    }
}
