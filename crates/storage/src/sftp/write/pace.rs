//! How much of a file may be unsure at once: less where the connection keeps breaking.
//!
//! A connection that lives shorter than what is under way takes to be acknowledged would never bring a file to its end. So
//! each loss makes syncs more frequent, and a loss that threw away about as much as was gained halves what is under way.

use crate::sftp::protocol::extension::MAX_DATA;

/// WRITEs under way on one channel (4 MiB; the server's window is 2 MiB).
pub(super) const UNDER_WAY: usize = 16;
/// What is acknowledged is synced at least this often, so that little has to be read back.
const SYNC_EVERY: u64 = 64 << 20;
/// It is not synced more often than this, however often the connection breaks.
const SYNC_LEAST: u64 = 1 << 20;

#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// WRITEs under way on one channel.
    pub(super) under_way: usize,
    /// Acknowledged bytes from one sync to the next.
    pub(super) sync_every: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            under_way: UNDER_WAY,
            sync_every: SYNC_EVERY,
        }
    }
}

impl Pace {
    /// The connection was lost; `gained`: bytes acknowledged or confirmed since the loss before.
    pub(super) fn lost(&mut self, gained: u64) {
        self.sync_every = (self.sync_every / 4).max(SYNC_LEAST);
        if gained < 2 * (self.under_way * MAX_DATA) as u64 {
            self.under_way = (self.under_way / 2).max(1);
        }
    }

    /// A sync in the middle of the file went well.
    pub(super) fn synced(&mut self) {
        self.under_way = (self.under_way * 2).min(UNDER_WAY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_make_it_careful_and_syncs_bold_again() {
        let mut pace = Pace::default();
        pace.lost(100 << 20);
        assert_eq!((pace.under_way, pace.sync_every), (16, 16 << 20));
        for _ in 0..9 {
            pace.lost(0);
        }
        assert_eq!((pace.under_way, pace.sync_every), (1, 1 << 20));
        for _ in 0..9 {
            pace.synced();
        }
        assert_eq!((pace.under_way, pace.sync_every), (16, 1 << 20));
    }
}
