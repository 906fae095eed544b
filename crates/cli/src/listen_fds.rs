//! Sockets that systemd hands over (socket activation): for this process, as its number says, or for none.

use std::net::TcpListener;

use listenfd::ListenFd;
use pgkeep_command::error::{Error, ErrorCode};

/// More than a unit has.
const MOST: usize = 64;

/// The sockets that this process was started with. To be asked once, while there is one thread: the variables are removed, so that
/// no process which this one starts takes them for its own.
pub(crate) fn handed_over() -> ListenFd {
    let number = |name| std::env::var(name).ok()?.parse::<usize>().ok();
    let own = u32::try_from(number("LISTEN_PID").unwrap_or(0)) == Ok(std::process::id());
    match own && number("LISTEN_FDS").is_some_and(|count| count <= MOST) {
        true => ListenFd::from_env(),
        false => ListenFd::empty(),
    }
}

/// All of them, which must be for TCP.
pub(crate) fn listeners(mut handed_over: ListenFd) -> Result<Vec<TcpListener>, Error> {
    let mut listeners = Vec::new();
    for number in 0..handed_over.len() {
        let listener = handed_over.take_tcp_listener(number).map_err(|error| {
            Error::new(
                ErrorCode::FileOpen,
                format!("unable to use a socket that was handed over: {error}"),
            )
            .with_hint("the unit of the socket must have ListenStream with an address and a port.")
        })?;
        listeners.extend(listener);
    }
    Ok(listeners)
}
