//! How a request that makes a blob asks for its lock.

use super::sign::date;
use crate::http::Request;
use crate::protection::{Lock, LockMode};

const DAY: i64 = 86_400;

/// Until when a blob is locked; answers have it too.
pub(super) const UNTIL: &str = "x-ms-immutability-policy-until-date";

/// Whether the lock can be ended before.
const MODE: &str = "x-ms-immutability-policy-mode";

/// Asks for the lock in a request that makes a blob at `now` by the server's clock.
pub(super) fn with_lock(request: Request, lock: Lock, now: i64) -> Request {
    let until = now.saturating_add(i64::from(lock.days) * DAY);
    let mode = match lock.mode {
        LockMode::Governance => "Unlocked",
        LockMode::Compliance => "Locked",
    };
    request.header(MODE, mode).header(UNTIL, date(until))
}

/// Asks for a lock that is ended right away, in place of one that the container gives.
pub(super) fn with_short_lock(request: Request, now: i64) -> Request {
    let until = now.saturating_add(60);
    request.header(MODE, "Unlocked").header(UNTIL, date(until))
}
