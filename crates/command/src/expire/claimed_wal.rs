//! WAL that an account has added which may only add, and that claims what cannot be (decision 18).
//!
//! Which WAL goes is decided by the listed backups alone, so added WAL pushes nothing out. But it may lead recovery astray: by an
//! archive of another cluster, or by a timeline that never began.

use std::collections::BTreeSet;

use pgkeep_repo::archive::is_wal_directory;
use pgkeep_repo::{BackupInfo, Stanza, layout};

use super::ahead::Archives;
use crate::error::{Error, ErrorCode, Result};

/// Digits of a timeline in the name of a segment.
const TIMELINE: usize = 8;

/// Refuses an archive of a cluster that the stanza does not know, and a timeline of which there is WAL, but no history file and
/// no listed backup.
///
/// # Errors
/// [`ErrorCode::ArchiveMismatch`].
pub(super) fn check(stanza: &Stanza, info: &BackupInfo, archives: &Archives) -> Result<()> {
    if info.entries().is_empty() {
        // A new stanza of a cluster that was promoted before; and nothing is expired.
        return Ok(());
    }
    let segments = info
        .entries()
        .iter()
        .flat_map(|entry| [&entry.archive_start, &entry.archive_stop])
        .flatten();
    let listed = segments.filter_map(|name| name.get(..TIMELINE)).collect();
    check_timelines(stanza, &listed, archives)
}

/// `listed`: timelines of listed backups.
fn check_timelines(stanza: &Stanza, listed: &BTreeSet<&str>, archives: &Archives) -> Result<()> {
    for (id, names) in &archives.found {
        let refuse = |what: String, path: String| {
            Error::new(
                ErrorCode::ArchiveMismatch,
                format!("WAL was added and is not believed: {what}"),
            )
            .with_hint("nothing was changed. Has the key of the account that adds WAL been stolen?")
            .with_hint(format!(
                "if it is wrong, remove it: repo-rm --recurse {path}"
            ))
        };
        let path = layout::archive_id_path(stanza, id);
        let mut clusters = archives.info.history.entries().iter();
        if !clusters.any(|cluster| cluster.archive_id() == *id) {
            let what = format!("the stanza knows no cluster of archive {id}");
            return Err(refuse(what, path.to_string()));
        }
        let begun: BTreeSet<&str> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".history"))
            .collect();
        for name in names.iter().filter(|name| is_wal_directory(name)) {
            let timeline = &name[..TIMELINE];
            if timeline != "00000001" && !listed.contains(timeline) && !begun.contains(timeline) {
                let what = format!(
                    "there is WAL of timeline {timeline} in archive {id}, and no file that says where it began"
                );
                return Err(refuse(what, path.join(name.as_bytes()).to_string()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pgkeep_repo::pg_history::PgHistoryEntry;
    use pgkeep_repo::{ArchiveInfo, PgHistory};

    use super::*;

    fn verdict(id: &str, names: &[&str]) -> String {
        let cluster = PgHistoryEntry {
            id: 1,
            system_id: 7,
            version: "15".to_owned(),
            catalog_version: 1,
            control_version: 2,
        };
        let archives = Archives {
            info: ArchiveInfo::new(PgHistory::new(cluster), None),
            found: vec![(
                id.parse().unwrap(),
                names.iter().map(|name| (*name).to_owned()).collect(),
            )],
        };
        match check_timelines(
            &Stanza::new("demo").unwrap(),
            &BTreeSet::from(["00000003"]),
            &archives,
        ) {
            Ok(()) => String::new(),
            Err(error) => error.message,
        }
    }

    #[test]
    fn wal_of_a_foreign_cluster_or_of_a_timeline_that_never_began_is_told() {
        assert_eq!(
            verdict("15-1", &["0000000100000000", "0000000300000000"]),
            ""
        );
        assert_eq!(
            verdict("15-1", &["00000004.history", "0000000400000000"]),
            ""
        );
        assert!(verdict("15-2", &[]).contains("knows no cluster of archive 15-2"));
        assert!(verdict("15-1", &["0000000400000000"]).contains("timeline 00000004"));
    }
}
