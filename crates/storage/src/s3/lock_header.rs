//! How a request that makes an object asks for its lock.

use jiff::Timestamp;

use crate::http::Request;
use crate::protection::{Lock, LockMode};

const DAY: i64 = 86_400;

/// Asks for the lock in a request that makes an object, made at `now` by the server's clock.
pub(super) fn with_lock(request: Request, lock: Lock, now: i64) -> Request {
    let until = now.saturating_add(i64::from(lock.days) * DAY);
    let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
    let mode = match lock.mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    };
    request
        .header("x-amz-object-lock-mode", mode)
        .header("x-amz-object-lock-retain-until-date", until.to_string())
}
