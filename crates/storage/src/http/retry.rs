//! How often a request is repeated and how long is waited between.
//!
//! Waits are pgBackRest's: 0.1, 0.2, 0.3, 0.5, 0.8 … s, each the sum of the two before, until the time is over. Two
//! repetitions happen even then, so that a short timeout does not mean none.

use std::time::Duration;

use tokio::time::Instant;

/// Repetitions that are made whatever the time.
const LEAST: u32 = 2;

/// Repetitions of one request.
#[derive(Debug)]
pub(crate) struct Retry {
    end: Instant,
    waits: (u64, u64),
    done: u32,
    /// Failures so far: text, how often, shortest and longest wait after it in milliseconds.
    failures: Vec<(String, u32, u64, u64)>,
}

impl Retry {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            end: Instant::now() + limit,
            waits: (0, 100),
            done: 0,
            failures: Vec::new(),
        }
    }

    /// How long to wait after `failure`; `None`: give up.
    pub(crate) fn next_wait(&mut self, failure: &str) -> Option<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() && self.done >= LEAST {
            return None;
        }
        self.done += 1;
        let wait = Duration::from_millis(self.waits.1);
        let wait = if left.is_zero() { wait } else { wait.min(left) };
        self.waits = (self.waits.1, (self.waits.0 + self.waits.1).max(200));
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match self.failures.iter_mut().find(|(text, ..)| text == failure) {
            // The last wait may be cut short.
            Some((_, count, _, longest)) => {
                (*count, *longest) = (*count + 1, millis.max(*longest));
            }
            None => self.failures.push((failure.to_owned(), 1, millis, millis)),
        }
        Some(wait)
    }

    /// What failed before the last try, a line for each distinct failure.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(text, count, from, to): &(String, u32, u64, u64)| match count {
            1 => format!("on 1 retry after {from}ms: {text}"),
            _ => format!("on {count} retries from {from}-{to}ms: {text}"),
        };
        self.failures.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_runtime(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(test);
    }

    #[test]
    fn waits_grow_as_pgbackrests_and_are_told() {
        on_runtime(async {
            let mut retry = Retry::new(Duration::from_secs(60));
            let waits: Vec<u128> = (0..5)
                .map(|_| retry.next_wait("[503] Slow Down").unwrap().as_millis())
                .collect();
            assert_eq!(waits, [100, 200, 300, 500, 800]);
            assert_eq!(
                retry.lines(),
                ["on 5 retries from 100-800ms: [503] Slow Down"]
            );
        });
    }

    #[test]
    fn two_repetitions_happen_even_when_the_time_is_over() {
        on_runtime(async {
            let mut retry = Retry::new(Duration::ZERO);
            assert!(retry.next_wait("x").is_some());
            assert!(retry.next_wait("x").is_some());
            assert!(retry.next_wait("x").is_none());
        });
    }
}
