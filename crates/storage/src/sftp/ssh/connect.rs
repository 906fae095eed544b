//! TCP to a host: every address of the name, each a quarter of a second after the one before, the first wins.
//!
//! The socket has TCP_NODELAY and TCP_USER_TIMEOUT: the SSH library's keepalive timer cannot fire while a write to a
//! dead connection waits. The kernel's can.

use std::io::ErrorKind as IoKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::sftp::settings::SftpSettings;
use crate::{Error, ErrorKind, Operation, Result};

const STAGGER: Duration = Duration::from_millis(250);
/// Packets of a handshake, roughly; after that delayed acknowledgements are welcome.
const QUICK_READS: u32 = 40;

/// A TCP connection that acknowledges at once while the handshake runs: the server's Nagle algorithm waits for it.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    quick: u32,
}

/// Connects, and says how long one round trip took.
pub(crate) async fn connect(settings: &SftpSettings) -> Result<(Stream, Duration)> {
    let fail = |object: String, reason: String| {
        Error::new(ErrorKind::Connect, Operation::Connect, object, reason)
    };
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((settings.host.as_str(), settings.port))
            .await
            .map_err(|error| {
                fail(
                    settings.address(),
                    format!("unable to get address: {error}"),
                )
                .with_hint(look_up(settings))
            })?
            .collect();
    let limit = settings.io_timeout;
    let mut left = addresses.into_iter();
    let mut race = JoinSet::new();
    let mut first: Option<Error> = None;
    loop {
        if let Some(address) = left.next() {
            race.spawn(async move {
                let start = Instant::now();
                let result = match tokio::time::timeout(limit, TcpStream::connect(address)).await {
                    Ok(result) => result,
                    Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
                };
                (address, result, start.elapsed())
            });
        }
        // The next address has its turn when this one has failed, or has not answered for a while.
        let joined = tokio::select! {
            joined = race.join_next() => joined,
            () = tokio::time::sleep(STAGGER), if left.len() > 0 => continue,
        };
        match joined {
            Some(Ok((_, Ok(tcp), took))) => {
                race.abort_all();
                prepare(&tcp, limit);
                return Ok((
                    Stream {
                        tcp,
                        quick: QUICK_READS,
                    },
                    took,
                ));
            }
            Some(Ok((address, Err(error), _))) => {
                let io = Error::from_io(Operation::Connect, "", &error);
                let error = fail(
                    format!("{} ({})", settings.address(), address.ip()),
                    io.reason,
                )
                .with_hint(next_step(settings, address, error.kind()));
                first.get_or_insert(error);
            }
            Some(Err(_)) => {}
            None => {
                return Err(first.unwrap_or_else(|| {
                    fail(settings.address(), "the name has no address".into())
                        .with_hint(look_up(settings))
                }));
            }
        }
    }
}

fn look_up(settings: &SftpSettings) -> String {
    format!("does the name resolve? getent hosts '{}'", settings.host)
}

/// What to try when an address does not answer as it should.
fn next_step(settings: &SftpSettings, address: SocketAddr, kind: IoKind) -> String {
    let (host, port) = (&settings.host, settings.port);
    match kind {
        IoKind::TimedOut => {
            format!("is the server up, and does no firewall drop it? nc -zv -w 10 {host} {port}")
        }
        IoKind::HostUnreachable | IoKind::NetworkUnreachable => {
            format!("is there a way to it? ip route get {}", address.ip())
        }
        _ => format!("is the server running, and is that its port? nc -zv {host} {port}"),
    }
}

fn prepare(tcp: &TcpStream, io_timeout: Duration) {
    let dead = u32::try_from(
        (io_timeout / 2)
            .clamp(Duration::from_secs(2), Duration::from_secs(30))
            .as_millis(),
    );
    let options = [
        rustix::net::sockopt::set_tcp_nodelay(tcp, true),
        rustix::net::sockopt::set_tcp_user_timeout(tcp, dead.unwrap_or(30_000)),
        rustix::net::sockopt::set_socket_keepalive(tcp, true),
    ];
    if let Some(error) = options.into_iter().find_map(std::result::Result::err) {
        log::debug!("unable to set a socket option: {error}");
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.quick > 0 {
            self.quick -= 1;
            // Not sticky in Linux: has to be repeated.
            let _ = rustix::net::sockopt::set_tcp_quickack(&self.tcp, true);
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_a_command_that_tells_more_about_this_failure() {
        let settings = SftpSettings::new("backup.example.org", "pg", "/repo");
        let address = SocketAddr::from(([192, 0, 2, 1], 22));
        for (kind, command) in [
            (IoKind::ConnectionRefused, "nc -zv backup.example.org 22"),
            (IoKind::TimedOut, "nc -zv -w 10 backup.example.org 22"),
            (IoKind::NetworkUnreachable, "ip route get 192.0.2.1"),
        ] {
            let hint = next_step(&settings, address, kind);
            assert!(hint.ends_with(command), "{hint}");
        }
    }
}
