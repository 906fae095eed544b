//! Trying a connection again that was lost before the login was done.
//!
//! A busy sshd drops connections at random (`MaxStartups`), one that is being restarted resets them, and so do firewalls:
//! who comes a moment later gets in. A server that answers, whatever it says, is not asked again.

use std::io::ErrorKind as Io;
use std::time::Duration;

use crate::Error;

/// Waits before the tries that follow the first.
const WAITS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
];

/// The tries that are left.
#[derive(Debug)]
pub(crate) struct Attempts(std::slice::Iter<'static, Duration>);

impl Attempts {
    /// For a caller that does not repeat the call.
    pub(crate) fn few() -> Self {
        Self(WAITS.iter())
    }

    /// For a caller that repeats the call itself.
    pub(crate) fn never() -> Self {
        Self([].iter())
    }

    /// Waits for the next try; `false` when there is none.
    pub(crate) async fn wait(&mut self, error: &Error) -> bool {
        let Some(&wait) = self.0.next() else {
            return false;
        };
        log::debug!("{error}; trying again");
        tokio::time::sleep(wait).await;
        true
    }
}

/// Whether the connection was lost, and not refused by an answer.
pub(crate) fn is_lost(error: &russh::Error) -> bool {
    match error {
        russh::Error::IO(error) => matches!(
            error.kind(),
            // The last one when the end of a connection that was reset is to be said.
            Io::ConnectionReset
                | Io::ConnectionAborted
                | Io::BrokenPipe
                | Io::UnexpectedEof
                | Io::NotConnected
        ),
        russh::Error::Disconnect | russh::Error::HUP => true,
        _ => false,
    }
}
