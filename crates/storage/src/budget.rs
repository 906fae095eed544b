//! A budget of bytes: what may wait in memory for the server.
//!
//! A permit lives as long as the bytes it stands for. Threads wait here, so a slow server slows the producer and
//! memory stays bounded.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct Budget {
    total: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

/// Some bytes of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self {
            total: total.max(1),
            used: Mutex::new(0),
            freed: Condvar::new(),
        })
    }

    /// Waits until `bytes` fit. More than the whole budget counts as the whole budget.
    pub(crate) fn acquire(self: &Arc<Self>, bytes: usize) -> Permit {
        let bytes = bytes.min(self.total);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.total {
            used = self
                .freed
                .wait(used)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Permit {
            budget: Arc::clone(self),
            bytes,
        }
    }

    /// Takes `bytes` if they fit now.
    pub(crate) fn try_acquire(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used + bytes > self.total {
            return None;
        }
        *used += bytes;
        Some(Permit {
            budget: Arc::clone(self),
            bytes,
        })
    }

    pub(crate) fn half_used(&self) -> bool {
        self.used() >= self.total / 2
    }

    pub(crate) fn used(&self) -> usize {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self
            .budget
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_waits_until_bytes_are_given_back() {
        let budget = Budget::new(10);
        let first = budget.acquire(8);
        assert!(budget.try_acquire(3).is_none());
        let other = Arc::clone(&budget);
        let waiter = std::thread::spawn(move || other.acquire(100).bytes);
        drop(first);
        assert_eq!(waiter.join().unwrap(), 10);
        assert_eq!(budget.used(), 0);
    }
}
