//! Temporary names that the server has not said to have removed: they may come to be later.

use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Unsettled(Mutex<Vec<Vec<u8>>>);

impl Unsettled {
    pub(crate) fn add(&self, names: Vec<Vec<u8>>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(names);
    }

    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
