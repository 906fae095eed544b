//! Buffers that are used again: fresh memory costs a page fault every 4 KiB, which for a segment is as much as its hash.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are kept for later.
const MOST: usize = 32 << 20;

/// Buffers nobody uses at present.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// A buffer of this length with any content.
    pub(super) fn take(&self, len: usize) -> Vec<u8> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = spare.unwrap_or_default();
        if buffer.is_empty() {
            // Zeroed by the kernel, not by us.
            return vec![0; len];
        }
        buffer.resize(len, 0);
        buffer
    }

    /// Takes a buffer back, unless somebody else still reads it.
    pub(super) fn give(&self, buffer: Arc<Vec<u8>>) {
        let Some(buffer) = Arc::into_inner(buffer) else {
            return;
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (kept.len() + 1) * buffer.capacity() <= MOST {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_is_used_again_only_when_nobody_reads_it() {
        let spare = Spare::default();
        let first = Arc::new(spare.take(1000));
        let at = first.as_ptr();
        spare.give(Arc::clone(&first));
        let other = spare.take(1000);
        assert_ne!(other.as_ptr(), at);
        spare.give(first);
        let again = spare.take(500);
        assert_eq!((again.as_ptr(), again.len()), (at, 500));
    }
}
