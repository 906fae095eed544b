//! Backups that would push out what was listed, by their number or because they come much more often than backups did.
//!
//! Two retentions count backups: that of full ones, and that of WAL, for which smaller backups may count as well. Full backups
//! that stay are worth little if the WAL after them goes.

use super::claim::{Claim, Limits, Refusal, seconds};
use crate::backup_info::BackupEntry;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;

/// Gaps between backups from which the usual one is known.
const GAPS: usize = 2;

/// What is counted, and how many of it are kept.
struct Counted {
    kind: BackupType,
    keep: u32,
    wal: bool,
}

/// # Errors
/// The first claim too many. `claims`: in the order of their times.
pub(super) fn check(
    listed: &[BackupEntry],
    claims: &[&Claim],
    limits: Limits,
) -> Result<(), Refusal> {
    let full = limits.full.map(|keep| Counted {
        kind: BackupType::Full,
        keep,
        wal: false,
    });
    let archive = limits.archive.map(|(kind, keep)| Counted {
        kind,
        keep,
        wal: true,
    });
    full.into_iter()
        .chain(archive)
        .try_for_each(|counted| counted.check(listed, claims))
}

impl Counted {
    fn counts(&self, label: &BackupLabel) -> bool {
        label.backup_type() <= self.kind
    }

    fn check(&self, listed: &[BackupEntry], claims: &[&Claim]) -> Result<(), Refusal> {
        let mut before: Vec<i64> = listed
            .iter()
            .filter(|entry| self.counts(&entry.label))
            .map(|entry| seconds(entry.timestamp_start))
            .collect();
        before.sort_unstable();
        let Some(mut last) = before.last().copied() else {
            return Ok(());
        };
        let mut gaps: Vec<i64> = before.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        let usual = (gaps.len() >= GAPS).then(|| gaps[gaps.len() / 2]);
        let most = self.keep.saturating_sub(1).max(1);
        let new = claims.iter().filter(|claim| self.counts(&claim.label));
        for (number, claim) in (1_u32..).zip(new) {
            let start = claim
                .said
                .as_ref()
                .map_or(0, |said| seconds(said.entry.timestamp_start));
            if number > most {
                return Err(Refusal::of(claim, self.too_many(number)));
            }
            if usual.is_some_and(|usual| start - last < usual / 4) {
                return Err(Refusal::of(claim, self.too_soon()));
            }
            last = start;
        }
        Ok(())
    }

    fn too_many(&self, number: u32) -> String {
        let keep = self.keep;
        match self.wal {
            false => format!(
                "it is full backup {number} since the list was brought up to date, and retention keeps {keep}: all that were listed would go"
            ),
            true => format!(
                "it is backup {number} since the list was brought up to date, and the WAL of {keep} is kept: that of all listed ones would go"
            ),
        }
    }

    fn too_soon(&self) -> String {
        let what = match self.wal {
            false => "a full backup",
            true => "a backup that counts for the WAL that is kept, and it comes",
        };
        format!("it is {what} in less than a quarter of the usual time after the one before")
    }
}
