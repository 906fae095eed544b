//! The wish to stop, for everything that waits for the server: a silent one must not hold up the end of a run.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use crate::{Error, ErrorKind, Operation};

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicBool,
    waiting: Notify,
}

/// Cloning gives another handle to the same wish.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Inner>);

impl Stop {
    /// From now on nothing waits any more.
    pub(crate) fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// What `work` comes to, unless the stop is asked for before.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut asked = pin!(self.0.waiting.notified());
        // Registered before the flag is read, so that no wish is missed.
        asked.as_mut().enable();
        if self.is_asked() {
            return None;
        }
        poll_fn(|context| {
            if let Poll::Ready(value) = work.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            asked.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// The error of what was given up.
    pub(crate) fn error(operation: Operation, object: &str) -> Error {
        Error::new(
            ErrorKind::Cancelled,
            operation,
            object,
            "the run was asked to stop",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_stop_is_asked_for_before_or_meanwhile() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let stop = Stop::default();
            assert_eq!(stop.or(async { 1 }).await, Some(1));
            let other = stop.clone();
            let ask = tokio::spawn(async move { other.ask() });
            assert_eq!(stop.or(std::future::pending::<u8>()).await, None);
            ask.await.unwrap();
            assert_eq!(stop.or(std::future::pending::<u8>()).await, None);
        });
    }
}
