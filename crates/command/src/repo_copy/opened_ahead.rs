//! Files of a job that are opened before their turn: on a network none waits for a round trip of its own.

use std::collections::VecDeque;

use super::piece::CopyFile;

/// Bytes that one worker has under way ahead of its reading.
const BYTES: u64 = 16 << 20;
/// Files that one worker has opened ahead of its reading.
const FILES: usize = 128;

/// Opens files in their order, and hands them out in it.
pub(super) struct OpenedAhead<'f, T, F> {
    files: std::slice::Iter<'f, CopyFile>,
    open: F,
    opened: VecDeque<(&'f CopyFile, T)>,
    bytes: u64,
}

impl<'f, T, F: FnMut(&CopyFile) -> T> OpenedAhead<'f, T, F> {
    pub(super) fn new(files: &'f [CopyFile], open: F) -> Self {
        Self {
            files: files.iter(),
            open,
            opened: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<'f, T, F: FnMut(&CopyFile) -> T> Iterator for OpenedAhead<'f, T, F> {
    type Item = (&'f CopyFile, T);

    fn next(&mut self) -> Option<Self::Item> {
        while (self.opened.is_empty() || (self.opened.len() < FILES && self.bytes < BYTES))
            && let Some(file) = self.files.next()
        {
            self.bytes = self.bytes.saturating_add(file.size);
            self.opened.push_back((file, (self.open)(file)));
        }
        let (file, opened) = self.opened.pop_front()?;
        self.bytes = self.bytes.saturating_sub(file.size);
        Some((file, opened))
    }
}
