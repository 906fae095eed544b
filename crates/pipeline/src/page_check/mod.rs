//! Page checksums of a relation file while it is copied.
//!
//! Verifies every page, reads a bad one a second time (a page that has changed since is being written, and WAL will mend
//! it), and gathers bad pages as ranges. How the file is read again is handed in when the pipeline starts. Which files are
//! checked is decided elsewhere. The invariant: a bad page never fails the copy.

use std::sync::Arc;

use pgkeep_postgres::page::{self, PageState};
use serde::{Deserialize, Serialize};

use crate::report::PageReport;

/// A rest shorter than this is no torn page but a file that is no relation.
const TORN_PAGE_MIN: usize = 512;

/// Reads the file again at a byte offset into the buffer and returns how many bytes there were; `None` if it cannot be
/// read. An answer that differs from the page in any way excuses the page.
pub type Reread = Arc<dyn Fn(u64, &mut [u8]) -> Option<usize> + Send + Sync>;

/// What the page check has to know of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PageCheckSettings {
    /// Bytes in a page: a power of two from 1024 to 32768, from `pg_control`.
    pub page_size: usize,
    /// Relation-wide number of the file's first page: its segment number times the pages in 1 GiB.
    pub segment_first_block: u32,
    /// `page-header-check`: the page header can be read (no fork of PostgreSQL has encrypted it).
    pub header_check: bool,
    /// A bad page is read again before it counts as bad, as a running server may be writing it.
    pub reread: bool,
}

/// The check of one file under way.
pub(crate) struct PageCheck {
    settings: PageCheckSettings,
    /// `None`: a bad page counts as bad at once.
    reread: Option<Reread>,
    /// Start of a page that the last input ended in.
    partial: Vec<u8>,
    /// Index of the next page in the file.
    index: u64,
    errors: Vec<(u32, u32)>,
    again: Vec<u8>,
}

impl PageCheck {
    /// `reread`: how to read the file again, used only where the settings ask for it.
    pub(crate) fn new(mut settings: PageCheckSettings, reread: Option<Reread>) -> PageCheck {
        settings.page_size = settings.page_size.max(1);
        PageCheck {
            reread: reread.filter(|_| settings.reread),
            settings,
            partial: Vec::new(),
            index: 0,
            errors: Vec::new(),
            again: Vec::new(),
        }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        let size = self.settings.page_size;
        if !self.partial.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(size - self.partial.len()));
            self.partial.extend_from_slice(head);
            bytes = rest;
            if self.partial.len() == size {
                let mut whole = std::mem::take(&mut self.partial);
                self.page(&whole);
                whole.clear();
                self.partial = whole;
            }
        }
        let mut pages = bytes.chunks_exact(size);
        for page in &mut pages {
            self.page(page);
        }
        self.partial.extend_from_slice(pages.remainder());
    }

    /// Relation-wide number of the page at hand, 32 bits wide as in PostgreSQL.
    fn block_number(&self) -> u32 {
        self.settings
            .segment_first_block
            .wrapping_add(self.index as u32)
    }

    fn page(&mut self, page: &[u8]) {
        let number = self.block_number();
        let state = page::verify(page, number, self.settings.header_check);
        if state == PageState::Invalid && !self.changed_since(page) {
            self.mark(number);
        }
        self.index += 1;
    }

    fn changed_since(&mut self, page: &[u8]) -> bool {
        let Some(reread) = &self.reread else {
            return false;
        };
        self.again.resize(page.len(), 0);
        let size = reread(self.index * page.len() as u64, &mut self.again);
        size.and_then(|size| self.again.get(..size)) != Some(page)
    }

    fn mark(&mut self, number: u32) {
        match self.errors.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.errors.push((number, number)),
        }
    }

    pub(crate) fn finish(mut self) -> PageReport {
        let misaligned = !self.partial.is_empty();
        if self.partial.len() >= TORN_PAGE_MIN {
            self.mark(self.block_number());
        }
        PageReport {
            valid: !misaligned && self.errors.is_empty(),
            misaligned,
            errors: self.errors,
        }
    }
}

#[cfg(test)]
mod tests;
