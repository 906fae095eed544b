//! Files of a job that are opened before their turn: on a network with latency none waits for a round trip of its own.

use std::collections::VecDeque;

/// Bytes that one worker has under way ahead of its reading.
const BYTES: u64 = 16 << 20;
/// Files that one worker has opened ahead of its reading.
const FILES: usize = 128;

/// Opens what comes from an iterator, and hands it out in the same order.
pub struct OpenedAhead<I: Iterator, T, S, O> {
    files: I,
    size: S,
    open: O,
    opened: VecDeque<(I::Item, T)>,
    bytes: u64,
}

impl<I: Iterator, T, S, O> std::fmt::Debug for OpenedAhead<I, T, S, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedAhead({} files)", self.opened.len())
    }
}

impl<I, T, S, O> OpenedAhead<I, T, S, O>
where
    I: Iterator,
    S: Fn(&I::Item) -> u64,
    O: FnMut(&I::Item) -> T,
{
    /// `size`: how many bytes will be read of a file; `open` only begins to open it.
    pub fn new(files: impl IntoIterator<IntoIter = I>, size: S, open: O) -> Self {
        Self {
            files: files.into_iter(),
            size,
            open,
            opened: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<I, T, S, O> Iterator for OpenedAhead<I, T, S, O>
where
    I: Iterator,
    S: Fn(&I::Item) -> u64,
    O: FnMut(&I::Item) -> T,
{
    type Item = (I::Item, T);

    fn next(&mut self) -> Option<Self::Item> {
        while (self.opened.is_empty() || (self.opened.len() < FILES && self.bytes < BYTES))
            && let Some(file) = self.files.next()
        {
            self.bytes = self.bytes.saturating_add((self.size)(&file));
            let opened = (self.open)(&file);
            self.opened.push_back((file, opened));
        }
        let (file, opened) = self.opened.pop_front()?;
        self.bytes = self.bytes.saturating_sub((self.size)(&file));
        Some((file, opened))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn so_many_files_are_open_that_neither_their_number_nor_their_bytes_pass_the_limit() {
        for (size, most) in [(1, FILES as u64), (BYTES / 4, 4), (2 * BYTES, 1)] {
            let opened = Cell::new(0);
            let ahead = OpenedAhead::new(0..1000_u64, |_| size, |_| opened.set(opened.get() + 1));
            for (taken, (file, ())) in (0..).zip(ahead) {
                assert_eq!(file, taken, "in their order");
                let left = (1000 - taken).min(most);
                assert_eq!(opened.get() - taken, left, "with {size} bytes each");
            }
            assert_eq!(opened.get(), 1000);
        }
    }
}
