//! Which modification times of a manifest say what was stored, when files may have come from a standby.
//!
//! The times of a manifest are the primary's. The primary writes changes into its files from the start of the backup on, and
//! the time of a file shows them. A standby has on disk what was changed before the start, for its checkpoint was waited for;
//! later changes may still be in its memory, or not even replayed. Restoring this backup replays them from WAL, but a later
//! backup that took the stored file for the one with that time would never see them again.

use super::Manifest;

/// The kernel stamps files by a clock that is a few milliseconds late, so the second before the start is in doubt as well.
const STAMP_SECONDS: i64 = 1;

impl Manifest {
    /// A file with a modification time from this second on (since 1970) may have been stored without its latest changes.
    pub(super) fn times_trusted_before(&self) -> i64 {
        match self.options.backup_standby {
            Some(false) => i64::MAX,
            // What is not finished does not say it unless this program left it; without a server there is no standby.
            None if !self.options.online => i64::MAX,
            None | Some(true) => self.backup.timestamp_start - STAMP_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{BackupHeader, BackupOptions, PgInfo};
    use super::*;
    use crate::backup_type::BackupType;

    #[test]
    fn only_a_backup_from_the_primary_alone_is_trusted_for_all_times() {
        let before = |standby, online| {
            let options = BackupOptions {
                backup_standby: standby,
                online,
                ..BackupOptions::default()
            };
            let header = BackupHeader::new(BackupType::Full, 1000);
            Manifest::new(header, PgInfo::default(), options).times_trusted_before()
        };
        assert_eq!(before(Some(false), true), i64::MAX);
        assert_eq!(before(None, false), i64::MAX);
        assert_eq!(before(None, true), 999);
        assert_eq!(before(Some(true), true), 999);
    }
}
