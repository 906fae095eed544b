//! How long a lost connection is tried again: until `io-timeout` has passed without progress.
//!
//! Waits are those of the original (spec 20.3): 0.1, 0.2, 0.3, 0.5, 0.8 … s; the first repetition is immediate.

use std::time::Duration;

use tokio::time::Instant;

use super::channel::Lost;
use super::stop::Stop;
use crate::{Error, ErrorKind, Operation};

/// Losses that may follow one another without any progress between them.
const MOST_LOSSES: u32 = 20;

/// Repetitions of one operation.
#[derive(Debug)]
pub(crate) struct Retry {
    limit: Duration,
    since: Option<Instant>,
    losses: u32,
    waits: (u64, u64),
    stop: Stop,
}

impl Retry {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: None,
            losses: 0,
            waits: (0, 100),
            stop: Stop::default(),
        }
    }

    /// Nothing is tried again once `stop` is asked for.
    pub(crate) fn until(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// Something was achieved: the count starts anew.
    pub(crate) fn progress(&mut self) {
        *self = Self::new(self.limit).until(&self.stop.clone());
    }

    /// How long to wait before the next try; `None`: give up.
    pub(crate) fn next_wait(&mut self) -> Option<Duration> {
        if self.stop.is_asked() {
            return None;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        self.losses += 1;
        if self.losses == 1 {
            return Some(Duration::ZERO);
        }
        let left = self.limit.checked_sub(since.elapsed())?;
        if self.losses > MOST_LOSSES && since.elapsed() > self.limit / 2 {
            return None;
        }
        let wait = self.waits.1;
        self.waits = (wait, (self.waits.0 + wait).max(200));
        Some(Duration::from_millis(wait).min(left))
    }

    /// Waits, or says that it is over.
    pub(crate) async fn lost(
        &mut self,
        lost: &Lost,
        operation: Operation,
        object: &str,
    ) -> crate::Result<()> {
        match self.next_wait() {
            Some(wait) => {
                log::debug!("connection lost ({}), trying again: {object}", lost.0);
                match self.stop.or(tokio::time::sleep(wait)).await {
                    Some(()) => Ok(()),
                    None => Err(Stop::error(operation, object)),
                }
            }
            None if self.stop.is_asked() => Err(Stop::error(operation, object)),
            None => Err(lost_error(lost, operation, object)),
        }
    }
}

fn lost_error(lost: &Lost, operation: Operation, object: &str) -> Error {
    Error::new(
        ErrorKind::Connect,
        operation,
        object,
        format!("connection lost: {}", lost.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_the_originals_and_end() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut retry = Retry::new(Duration::from_secs(60));
            let waits: Vec<u128> = (0..6)
                .map(|_| retry.next_wait().unwrap().as_millis())
                .collect();
            assert_eq!(waits, [0, 100, 200, 300, 500, 800]);
            let mut short = Retry::new(Duration::ZERO);
            assert_eq!(short.next_wait(), Some(Duration::ZERO));
            assert!(short.next_wait().is_none_or(|wait| wait.is_zero()));
        });
    }
}
