//! Bytes counted by the workers as they move, also in the middle of a file.
//!
//! Counting is adding to an atomic once for each buffer. A job counts through [`Count`], which takes back what it counted when
//! the job fails, since it is done again. Invariant: a file that is done counts with exactly its size, whatever was read of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_storage::Storage;

/// Files from this size on are named while they are worked on; of smaller ones the last that is done is named.
const NAMED: u64 = 4 << 20;

/// How many bytes of a stage have moved.
#[derive(Debug)]
pub struct Moved {
    /// Bytes of files, as the total of the stage counts them.
    plain: AtomicU64,
    /// Bytes handed to the repository for them.
    stored: AtomicU64,
    /// Name of a large file that is being worked on.
    file: Mutex<String>,
    repository: Arc<dyn Storage>,
}

impl Moved {
    /// Nothing has moved from or to the repository.
    #[must_use]
    pub fn new(repository: &Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self {
            plain: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            file: Mutex::default(),
            repository: Arc::clone(repository),
        })
    }

    /// Bytes that have arrived: of what was handed to a server only what it has acknowledged.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        let plain = self.plain.load(Ordering::Relaxed);
        let stored = self.stored.load(Ordering::Relaxed);
        let unanswered = self.repository.unanswered().min(stored);
        // What is on its way stands for as many plain bytes as all that was stored does on average.
        let on_the_way = match stored {
            0 => 0,
            _ => u128::from(plain) * u128::from(unanswered) / u128::from(stored),
        };
        plain.saturating_sub(u64::try_from(on_the_way).unwrap_or(u64::MAX))
    }

    /// Whether a server has to answer for anything to move.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.repository.has_latency()
    }

    /// The large file that is being worked on; empty: none.
    #[must_use]
    pub fn file(&self) -> String {
        self.lock().clone()
    }

    /// So many bytes were handed to the repository.
    pub fn stored(&self, bytes: u64) {
        self.stored.fetch_add(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one attempt of a job has moved.
#[derive(Debug)]
pub struct Count<'a> {
    moved: &'a Moved,
    /// Of files that are done.
    before: u64,
    /// Of the file in hand, and at most that much.
    file: u64,
    size: u64,
    named: bool,
    kept: bool,
}

impl<'a> Count<'a> {
    #[must_use]
    pub fn new(moved: &'a Moved) -> Self {
        Self {
            moved,
            before: 0,
            file: 0,
            size: 0,
            named: false,
            kept: false,
        }
    }

    /// The next file, which counts with `size` in the total of the stage.
    pub fn begin(&mut self, name: impl FnOnce() -> String, size: u64) {
        self.restart();
        self.size = size;
        if size >= NAMED {
            self.named = true;
            *self.moved.lock() = name();
        }
    }

    /// So many more bytes of it.
    pub fn add(&mut self, bytes: u64) {
        let bytes = bytes.min(self.size - self.file);
        self.file += bytes;
        self.moved.plain.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It is read once more from its beginning.
    pub fn restart(&mut self) {
        self.moved.plain.fetch_sub(self.file, Ordering::Relaxed);
        self.file = 0;
    }

    /// It is done, whatever was read of it.
    pub fn finish(&mut self) {
        self.add(self.size);
        self.before += self.file;
        (self.file, self.size) = (0, 0);
    }

    /// The job is done.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let counted = self.before + self.file;
            self.moved.plain.fetch_sub(counted, Ordering::Relaxed);
        }
        if self.named {
            self.moved.lock().clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::memory::MemoryStorage;

    use super::*;

    fn moved() -> Arc<Moved> {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        Moved::new(&storage)
    }

    #[test]
    fn bytes_count_as_they_move_and_a_file_that_is_done_with_its_size() {
        let moved = moved();
        let mut count = Count::new(&moved);
        count.begin(|| "large".to_owned(), 10 << 20);
        assert_eq!(moved.file(), "large");
        count.add(4 << 20);
        assert_eq!(moved.arrived(), 4 << 20);
        // Compared with the prior backup, then read again to be stored.
        count.restart();
        assert_eq!(moved.arrived(), 0);
        // It has grown, which does not count.
        count.add(11 << 20);
        assert_eq!(moved.arrived(), 10 << 20);
        count.finish();
        count.begin(|| "vanished".to_owned(), 100);
        count.finish();
        assert_eq!(moved.arrived(), (10 << 20) + 100);
        count.keep();
        assert_eq!(moved.arrived(), (10 << 20) + 100);
        assert_eq!(moved.file(), "");
    }

    #[test]
    fn what_a_failed_job_counted_is_taken_back() {
        let moved = moved();
        let mut count = Count::new(&moved);
        count.begin(String::new, 100);
        count.finish();
        count.begin(String::new, 100);
        count.add(50);
        assert_eq!(moved.arrived(), 150);
        drop(count);
        assert_eq!(moved.arrived(), 0);
    }
}
