//! How long a lost connection is tried again: until `io-timeout` has passed without progress.
//!
//! Progress of any file counts for all: where the connection breaks often, one may have to wait until others are through.
//!
//! The first repetition is immediate. The waits that follow are pgBackRest's: 0.1, 0.2, 0.3, 0.5, 0.8 … s.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::channel::Lost;
use crate::stop::Stop;
use crate::{Error, ErrorKind, Operation};

/// Losses that may follow one another without any progress between them.
const MOST_LOSSES: u32 = 20;

/// The wait before the next one and the next one, in milliseconds.
const WAITS: (u64, u64) = (0, 100);

/// Repetitions of one operation.
#[derive(Debug)]
pub(crate) struct Retry {
    limit: Duration,
    since: Option<Instant>,
    losses: u32,
    waits: (u64, u64),
    stop: Stop,
    /// Progress of everything on the line, and how much of it there was at the last loss.
    line: Arc<AtomicU64>,
    seen: u64,
}

impl Retry {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            line: Arc::default(),
            seen: 0,
            limit,
            since: None,
            losses: 0,
            waits: WAITS,
            stop: Stop::default(),
        }
    }

    /// Nothing is tried again once `stop` is asked for.
    pub(crate) fn until(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// Shares its progress with others.
    pub(crate) fn on(mut self, line: &Arc<AtomicU64>) -> Self {
        self.line = Arc::clone(line);
        self.seen = line.load(Ordering::Relaxed);
        self
    }

    /// Something was achieved: the count starts anew, here and for others at their next loss.
    pub(crate) fn progress(&mut self) {
        self.line.fetch_add(1, Ordering::Relaxed);
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        (self.since, self.losses, self.waits) = (None, 0, WAITS);
        self.seen = self.line.load(Ordering::Relaxed);
    }

    /// How long to wait before the next try; `None`: give up.
    pub(crate) fn next_wait(&mut self) -> Option<Duration> {
        if self.stop.is_asked() {
            return None;
        }
        if self.line.load(Ordering::Relaxed) != self.seen {
            self.begin_anew();
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
            // What another file achieves lets this one try on as from the first loss.
            let line = Arc::default();
            let (mut first, mut second) = (
                Retry::new(Duration::from_secs(60)).on(&line),
                Retry::new(Duration::from_secs(60)).on(&line),
            );
            for _ in 0..4 {
                first.next_wait().unwrap();
            }
            second.progress();
            assert_eq!(first.next_wait(), Some(Duration::ZERO));
            assert_eq!(first.next_wait(), Some(Duration::from_millis(100)));
            let mut short = Retry::new(Duration::ZERO);
            assert_eq!(short.next_wait(), Some(Duration::ZERO));
            assert!(short.next_wait().is_none_or(|wait| wait.is_zero()));
        });
    }
}
