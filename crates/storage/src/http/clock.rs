//! The clock of a server, as far as it differs from this machine's.

use std::sync::atomic::{AtomicI64, Ordering};

use super::answer::Answer;
use super::now::{Now, seconds_of_header};

/// Difference between the server's clock and ours from which on signatures are refused, well before.
const SKEW: i64 = 300;

/// The clock of a server that refuses requests of another time.
#[derive(Debug)]
pub(crate) struct ServerClock {
    now: Now,
    /// Seconds that it is ahead of ours.
    ahead: AtomicI64,
}

impl ServerClock {
    /// The same as ours until the server says otherwise.
    pub(crate) fn new(now: Now) -> Self {
        Self {
            now,
            ahead: AtomicI64::new(0),
        }
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.now.seconds() + self.ahead.load(Ordering::Relaxed)
    }

    /// Whether the clock of the server that answered is far from what was `signed`; from now on its time is told. What was
    /// signed is of the request: another answer may have put our time right since.
    pub(crate) fn learns(&self, signed: Option<i64>, answer: &Answer) -> bool {
        let theirs = answer.header("date").and_then(seconds_of_header);
        let (Some(signed), Some(theirs)) = (signed, theirs) else {
            return false;
        };
        let far = (theirs - signed).abs() > SKEW;
        if far {
            let ahead = theirs - self.now.seconds();
            log::debug!("the server's clock differs by {ahead} s");
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        far
    }
}
