//! Read buffers that threads share, so that a file does not cost a buffer of its own.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Buffers that no thread uses at the moment.
#[derive(Default)]
pub struct Buffers(Mutex<Vec<Vec<u8>>>);

/// Without the bytes: they are a cluster's.
impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffers")
    }
}

impl Buffers {
    /// A buffer of `size` bytes; what is in it means nothing.
    #[must_use]
    pub fn take(&self, size: usize) -> Vec<u8> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(mut buffer) = free else {
            // Zeroed by the kernel, page by page as they are used: a small file touches few of them.
            return vec![0; size];
        };
        buffer.resize(size, 0);
        buffer
    }

    /// Gives a buffer back.
    pub fn put_back(&self, buffer: Vec<u8>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);
    }
}
