//! Threads for sessions: a fixed number of workers with a queue, and a thread of its own for a session that asks for it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

use super::service::Service;
use crate::exchange::Exchange;
use crate::frame::Lane;
use crate::raised::Raised;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Exchange>,
    idle: usize,
    workers: usize,
    closed: bool,
}

/// The threads of one connection; they end with the scope they are in.
pub(super) struct Lanes<'a> {
    service: &'a dyn Service,
    most_workers: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(service: &'a dyn Service, workers: usize) -> Self {
        Self {
            service,
            most_workers: workers.max(1),
            queue: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a session served.
    pub(super) fn serve<'s>(&'s self, scope: &'s Scope<'s, '_>, lane: Lane, exchange: Exchange) {
        match lane {
            Lane::Own => {
                // Kept where it can be got back should there be no thread.
                let exchange = Mutex::new(Some(exchange));
                let exchange = std::sync::Arc::new(exchange);
                let moved = std::sync::Arc::clone(&exchange);
                let thread = Builder::new().name("protocol-session".to_owned());
                let spawned = thread.spawn_scoped(scope, move || {
                    let exchange = moved.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(exchange) = exchange {
                        self.run(exchange);
                    }
                });
                if let Err(error) = spawned {
                    let kept = exchange
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .take();
                    if let Some(exchange) = kept {
                        let text = format!("unable to start a thread: {error}");
                        exchange.fail(Raised::new(0, text));
                    }
                }
            }
            Lane::Worker => {
                let mut queue = self.lock();
                queue.waiting.push_back(exchange);
                if queue.idle < queue.waiting.len() && queue.workers < self.most_workers {
                    let thread = Builder::new().name("protocol-worker".to_owned());
                    match thread.spawn_scoped(scope, || self.work()) {
                        Ok(_) => queue.workers += 1,
                        Err(error) if queue.workers == 0 => {
                            let text = format!("unable to start a thread: {error}");
                            for exchange in queue.waiting.drain(..) {
                                exchange.fail(Raised::new(0, text.clone()));
                            }
                        }
                        // The others do it.
                        Err(_) => {}
                    }
                }
                drop(queue);
                self.changed.notify_one();
            }
        }
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(exchange) = queue.waiting.pop_front() {
                drop(queue);
                self.run(exchange);
                queue = self.lock();
            } else if queue.closed {
                return;
            } else {
                queue.idle += 1;
                queue = (self.changed.wait(queue)).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            }
        }
    }

    fn run(&self, exchange: Exchange) {
        if exchange.is_given_up() {
            return;
        }
        // A panic ends its session (the exchange is dropped) and not the thread that others wait for.
        let _ = catch_unwind(AssertUnwindSafe(|| self.service.serve(exchange)));
    }

    /// No more sessions come: the workers end once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}
