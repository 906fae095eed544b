//! A TCP connection to a host: every address of its name, again and again until time is over.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorCode, Result};

/// What the kernel does about a connection on which nothing moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeepAlive {
    pub on: bool,
    pub count: Option<u32>,
    pub idle: Option<Duration>,
    pub interval: Option<Duration>,
}

impl KeepAlive {
    /// Sets what was said; the rest is the system's.
    ///
    /// # Errors
    /// The system refuses.
    pub fn apply(&self, socket: &TcpStream) -> io::Result<()> {
        use rustix::net::sockopt as option;
        option::set_socket_keepalive(socket, self.on)?;
        if !self.on {
            return Ok(());
        }
        if let Some(count) = self.count {
            option::set_tcp_keepcnt(socket, count)?;
        }
        if let Some(idle) = self.idle {
            option::set_tcp_keepidle(socket, idle)?;
        }
        if let Some(interval) = self.interval {
            option::set_tcp_keepintvl(socket, interval)?;
        }
        Ok(())
    }
}

/// Time for one address in the first round where there are others; doubled in each round.
const FIRST: Duration = Duration::from_millis(250);
/// Longest time for one address in a round: a stop of the run is not seen meanwhile.
const LONGEST: Duration = Duration::from_secs(5);
/// Pauses between rounds.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
];

/// The pause behind this round, counted from 0.
pub(super) fn pause_after(round: usize) -> Duration {
    PAUSES[PAUSES.len().min(round + 1) - 1]
}

/// A connection, and how messages name its other end: `localhost:8432 (127.0.0.1)`.
pub type Connected = (TcpStream, String);

/// Connects to a host.
///
/// # Errors
/// [`ErrorCode::HostConnect`] when no address of it answers in time, or it has none; that of `check`, which is asked between
/// tries whether the run goes on.
pub fn connect(
    host: &str,
    port: u16,
    within: Duration,
    keep_alive: &KeepAlive,
    check: &dyn Fn() -> Result<()>,
) -> Result<Connected> {
    let until = Instant::now() + within;
    let addresses = resolve(host, port)?;
    let mut share = if addresses.len() > 1 { FIRST } else { LONGEST };
    let mut tries = 0_u32;
    let mut first: Option<(SocketAddr, io::Error)> = None;
    for round in 0.. {
        for address in &addresses {
            check()?;
            let left = until.saturating_duration_since(Instant::now());
            let time = left.min(share).max(Duration::from_millis(1));
            tries += 1;
            match TcpStream::connect_timeout(address, time) {
                Ok(socket) => {
                    let shown = format!("{host}:{port} ({})", address.ip());
                    let set = socket
                        .set_nodelay(true)
                        .and_then(|()| keep_alive.apply(&socket));
                    set.map_err(|error| cannot(&shown, &error))?;
                    return Ok((socket, shown));
                }
                // What was met first says most: later it may only be that time is over.
                Err(error) => drop(first.get_or_insert((*address, error))),
            }
        }
        let pause = pause_after(round);
        let left = until.saturating_duration_since(Instant::now());
        if left <= pause {
            break;
        }
        std::thread::sleep(pause);
        share = (share * 2).min(LONGEST);
    }
    let (address, error) = first.expect("a name has an address, which was tried");
    let mut error = cannot(&format!("{host}:{port} ({})", address.ip()), &error);
    if tries > 1 {
        let more = format!("\n[HostConnectError] on {} retries", tries - 1);
        error.message.push_str(&more);
    }
    Err(error)
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = (host, port).to_socket_addrs().map(Iterator::collect);
    let addresses: Vec<SocketAddr> = found.map_err(|error| {
        let text = error.to_string();
        let text = text
            .strip_prefix("failed to lookup address information: ")
            .unwrap_or(&text);
        Error::new(
            ErrorCode::HostConnect,
            format!("unable to get address for '{host}': {text}"),
        )
    })?;
    if addresses.is_empty() {
        return Err(Error::new(
            ErrorCode::HostConnect,
            format!("unable to get address for '{host}': it has none"),
        ));
    }
    Ok(addresses)
}

fn cannot(shown: &str, error: &io::Error) -> Error {
    Error::new(
        ErrorCode::HostConnect,
        format!("unable to connect to '{shown}': {}", numbered(error)),
    )
}

/// `[111] Connection refused`.
pub(crate) fn numbered(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => {
            let ending = format!(" (os error {code})");
            format!("[{code}] {}", text.strip_suffix(&ending).unwrap_or(&text))
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn quick(host: &str, port: u16) -> Result<Connected> {
        let keep_alive = KeepAlive {
            on: true,
            count: Some(3),
            idle: Some(Duration::from_secs(60)),
            interval: Some(Duration::from_secs(7)),
        };
        connect(host, port, Duration::from_millis(150), &keep_alive, &|| {
            Ok(())
        })
    }

    #[test]
    fn a_connection_has_the_settings_that_were_said() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (socket, shown) = quick("127.0.0.1", port).unwrap();
        assert_eq!(shown, format!("127.0.0.1:{port} (127.0.0.1)"));
        use rustix::net::sockopt as option;
        assert!(option::socket_keepalive(&socket).unwrap());
        assert_eq!(option::tcp_keepcnt(&socket).unwrap(), 3);
        assert_eq!(
            option::tcp_keepidle(&socket).unwrap(),
            Duration::from_secs(60)
        );
        assert_eq!(
            option::tcp_keepintvl(&socket).unwrap(),
            Duration::from_secs(7)
        );
        assert!(socket.nodelay().unwrap());
    }

    #[test]
    fn nobody_there_is_told_with_number_and_retries() {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let error = quick("127.0.0.1", port).unwrap_err();
        assert_eq!(error.code, ErrorCode::HostConnect);
        assert_eq!(
            error.message,
            format!(
                "unable to connect to '127.0.0.1:{port} (127.0.0.1)': [111] Connection refused\n[HostConnectError] on 1 retries"
            )
        );
        let error = quick("nosuch.invalid", 1).unwrap_err();
        assert_eq!(error.code, ErrorCode::HostConnect);
        assert!(
            error
                .message
                .starts_with("unable to get address for 'nosuch.invalid': "),
            "{error}"
        );
    }

    #[test]
    fn a_run_that_is_to_stop_does_not_try_again() {
        let stopped = || Err(Error::new(ErrorCode::Term, "stop"));
        let within = Duration::from_secs(60);
        let error = connect("127.0.0.1", 1, within, &KeepAlive::default(), &stopped);
        assert_eq!(error.unwrap_err().code, ErrorCode::Term);
    }
}
