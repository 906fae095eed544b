//! Whether the account may forward: TCP and stream-local sockets, in both directions.
//!
//! Nothing is sent through what could be opened, and it is closed at once. Targets are such that no packet leaves the
//! server. Stream-local sockets have names in Linux's abstract space, which vanish with the connection; the empty path
//! is one of them.

use std::time::Duration;

use russh::ChannelOpenFailure;

use super::connection::Connection;

/// What became of a request to forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forwarding {
    Refused,
    /// What the server did.
    Allowed(String),
    /// Why nothing can be said.
    Unknown(String),
}

/// Sockets that servers usually have and that anybody may connect to.
pub(super) const USUAL_SOCKETS: [&str; 4] = [
    "/run/dbus/system_bus_socket",
    "/run/systemd/journal/stdout",
    "/run/nscd/socket",
    "/run/postgresql/.s.PGSQL.5432",
];

/// Where the server would connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The server itself, the discard port.
    Itself,
    /// Some other host: the broadcast address, to which no connection can be made.
    Elsewhere,
}

impl Target {
    fn address(self) -> &'static str {
        match self {
            Self::Itself => "127.0.0.1",
            Self::Elsewhere => "255.255.255.255",
        }
    }
}

/// `direct-tcpip`: what `ssh -L`, `-D` and `-J` use.
pub(super) async fn direct_tcp(
    connection: &Connection,
    target: Target,
    limit: Duration,
) -> Forwarding {
    let open = connection
        .handle
        .channel_open_direct_tcpip(target.address(), 9, "127.0.0.1", 9);
    match tokio::time::timeout(limit, open).await {
        Ok(Ok(channel)) => {
            let _ = channel.close().await;
            Forwarding::Allowed(format!("connected to {}:9", target.address()))
        }
        Ok(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed))) => {
            Forwarding::Allowed(format!("tried to connect to {}:9", target.address()))
        }
        Ok(Err(error)) => opened(&error),
        Err(_) => Forwarding::Unknown("no answer in time".into()),
    }
}

fn opened(error: &russh::Error) -> Forwarding {
    match error {
        russh::Error::ChannelOpenFailure(
            ChannelOpenFailure::AdministrativelyProhibited
            | ChannelOpenFailure::UnknownChannelType
            | ChannelOpenFailure::ConnectFailed,
        ) => Forwarding::Refused,
        error => Forwarding::Unknown(error.to_string()),
    }
}

/// `tcpip-forward`: what `ssh -R` uses, on a port of loopback that the server chooses.
pub(super) async fn remote_tcp(connection: &Connection, limit: Duration) -> Forwarding {
    const LISTEN: &str = "127.0.0.1";
    match tokio::time::timeout(limit, connection.handle.tcpip_forward(LISTEN, 0)).await {
        Ok(Ok(port)) => {
            let cancel = connection.handle.cancel_tcpip_forward(LISTEN, port);
            let _ = tokio::time::timeout(limit, cancel).await;
            Forwarding::Allowed(format!("listened on {LISTEN}:{port}"))
        }
        Ok(Err(russh::Error::RequestDenied)) => Forwarding::Refused,
        Ok(Err(error)) => Forwarding::Unknown(error.to_string()),
        Err(_) => Forwarding::Unknown("no answer in time".into()),
    }
}

/// Both directions of stream-local forwarding: connecting to a socket, and listening.
///
/// OpenSSH answers a forbidden connection as it does one that failed, so a socket is needed that can be connected to:
/// our own where listening is allowed, else those that servers usually have.
pub(super) async fn stream_local(
    connection: &Connection,
    limit: Duration,
) -> (Forwarding, Forwarding) {
    let mut tries = 0;
    let asked = loop {
        let asked = tokio::time::timeout(limit, connection.handle.streamlocal_forward("")).await;
        tries += 1;
        // The name without a file exists once on a machine: refused may mean that another audit has it for a moment.
        if tries == 4 || !matches!(asked, Ok(Err(russh::Error::RequestDenied))) {
            break asked;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let listen = match asked {
        Ok(Ok(())) => Forwarding::Allowed("listened on a socket".into()),
        Ok(Err(russh::Error::RequestDenied)) => Forwarding::Refused,
        Ok(Err(error)) => Forwarding::Unknown(error.to_string()),
        Err(_) => Forwarding::Unknown("no answer in time".into()),
    };
    let mut connect = Forwarding::Refused;
    if matches!(listen, Forwarding::Allowed(_)) {
        connect = connect_to(connection, limit, &[""]).await;
        // Before anything else is tried: another audit may be waiting for the name.
        let cancel = connection.handle.cancel_streamlocal_forward("");
        let _ = tokio::time::timeout(limit, cancel).await;
    }
    if !matches!(connect, Forwarding::Allowed(_)) {
        connect = connect_to(connection, limit, &USUAL_SOCKETS).await;
    }
    (connect, listen)
}

/// Connects to the first socket that lets it.
async fn connect_to(connection: &Connection, limit: Duration, paths: &[&str]) -> Forwarding {
    let mut connect = Forwarding::Refused;
    for &path in paths {
        let open = connection.handle.channel_open_direct_streamlocal(path);
        match tokio::time::timeout(limit, open).await {
            Ok(Ok(channel)) => {
                let _ = channel.close().await;
                return Forwarding::Allowed(if path.is_empty() {
                    "connected to a socket".into()
                } else {
                    format!("connected to '{path}'")
                });
            }
            Ok(Err(error)) => {
                if let Forwarding::Unknown(why) = opened(&error) {
                    connect = Forwarding::Unknown(why);
                }
            }
            Err(_) => return Forwarding::Unknown("no answer in time".into()),
        }
    }
    connect
}
