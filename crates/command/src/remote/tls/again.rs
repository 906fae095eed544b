//! TLS with a server that may be starting, ending or full: a connection that is cut in the handshake is made again.

use std::time::{Duration, Instant};

use super::endpoint::NotSecured;
use super::socket::pause_after;
use super::streams::Secured;
use crate::error::{ErrorCode, Result};

/// Asks `attempt` for a secured connection until there is one, as long as it is cut and time is left; it is told how much. A server
/// that is not trusted, or says what it has against this side, is told at once: it would say the same again.
///
/// # Errors
/// The first one of `attempt`, with the number of retries; that of `check`, which is asked whether the run goes on.
pub fn secure_again(
    within: Duration,
    check: &dyn Fn() -> Result<()>,
    attempt: &mut dyn FnMut(Duration) -> std::result::Result<Secured, NotSecured>,
) -> Result<Secured> {
    let until = Instant::now() + within;
    let mut left = within;
    let mut first: Option<NotSecured> = None;
    for round in 0.. {
        check()?;
        let failed = match attempt(left) {
            Ok(secured) => return Ok(secured),
            Err(failed) => failed,
        };
        check()?;
        let pause = pause_after(round);
        left = until.saturating_duration_since(Instant::now());
        if failed.was_cut && left > pause {
            log::debug!(
                "retry [{}]: {}",
                failed.error.code.number(),
                failed.error.message
            );
            first.get_or_insert(failed);
            std::thread::sleep(pause);
            left -= pause;
            continue;
        }
        // One that has an answer at last says most. Else what was met first does: later it may only be that time is over.
        let answered = failed.error.code == ErrorCode::Crypto;
        let mut error = match first {
            Some(first) if !answered => first.error,
            _ => failed.error,
        };
        if round > 0 {
            let more = format!("\n[{}] on {round} retries", error.code.name());
            error.message.push_str(&more);
        }
        return Err(error);
    }
    unreachable!("the rounds have no end")
}
