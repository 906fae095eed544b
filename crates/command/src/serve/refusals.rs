//! Requests that were refused, told in the log once a minute: whoever sends thousands of them must not fill a disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(60);

/// What was told when, and how many were not told since.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<(Option<Instant>, u64)>);

impl Refusals {
    /// Tells of this one, or counts it for the next line.
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if let Some(others) = self.turn(Instant::now()) {
            let more = match others {
                0 => String::new(),
                others => format!(" (and {others} more since the last such line)"),
            };
            log::warn!("{}{more}", what());
        }
    }

    /// If it is told now: how many were not.
    fn turn(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, others) = &mut *state;
        if told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            *others += 1;
            return None;
        }
        *told = Some(now);
        Some(std::mem::take(others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_each_minute_with_the_number_of_the_others() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.turn(start), Some(0));
        for second in 1..60 {
            assert_eq!(refusals.turn(start + Duration::from_secs(second)), None);
        }
        assert_eq!(refusals.turn(start + PAUSE), Some(59));
        assert_eq!(refusals.turn(start + 2 * PAUSE), Some(0));
    }
}
