//! What a server does with the sessions that a client opens.

use crate::error::Error;
use crate::exchange::Exchange;

/// Serves sessions, each on a thread, several at a time.
pub trait Service: Send + Sync {
    /// Serves one session: receives the request first. An exchange that is dropped without an end or an error tells the
    /// client that there was no answer. It may be kept and ended later by another thread, for instance when a file that was
    /// written is durable; the thread is then free for the next session.
    fn serve(&self, exchange: Exchange);

    /// The connection has failed. Called at once, while sessions may still be served: what works long and does not look at
    /// its exchange (a query) should be broken off here.
    fn lost(&self, error: &Error) {
        let _ = error;
    }
}
