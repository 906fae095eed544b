//! What a repository can restore, by the names of its WAL, and how sure it is that its sets are on disk.

use std::collections::BTreeSet;

use pgkeep_postgres::WalSegment;

use super::super::family::{Families, Labels, Metric, labels};
use crate::stanzas::{self, RepositoryReport};
use crate::wal::window::Restorable;

const NEWEST: Metric = Metric::seconds(
    "pgkeep_repo_restorable_timestamp",
    "When the last WAL segment was stored that a backup leads to without a gap, since 1970; without WAL, when the last backup ended",
);
const SINCE: Metric = Metric::seconds(
    "pgkeep_repo_restorable_since_timestamp",
    "When the first backup ended from which WAL leads to the newest moment without a gap, since 1970",
);
const GAPS: Metric = Metric::plain(
    "pgkeep_repo_wal_gaps",
    "Stretches of missing WAL segments that end what a backup can be recovered to, or that it needs",
);
const UNRESTORABLE: Metric = Metric::plain(
    "pgkeep_repo_unrestorable_backups",
    "Backups that lack WAL which makes them consistent",
);
const DURABILITY: Metric = Metric::plain(
    "pgkeep_backup_durability_info",
    "How sure it was that the set is on the disks of the repository when it was made: trusted, re-read or fsynced",
);

pub(super) fn add(stanza: &str, report: &RepositoryReport, families: &mut Families) {
    let key = report.key.to_string();
    let of_repo = labels([("repo_key", &key), ("stanza", stanza)]);
    for (label, grade) in &report.durability {
        let mut of_backup = of_repo.clone();
        of_backup.insert("backup_name", label.to_string());
        of_backup.insert("durability", grade.name().to_owned());
        families.add(&DURABILITY, &of_backup, true);
    }
    moments(report, &of_repo, families);
}

fn moments(report: &RepositoryReport, of_repo: &Labels, families: &mut Families) {
    let (Some(info), Some(_)) = (&report.backup_info, &report.wal) else {
        return;
    };
    let mut gaps: BTreeSet<(String, WalSegment, WalSegment)> = BTreeSet::new();
    let mut unrestorable = 0_u64;
    let mut as_it_is = None;
    for entry in info.entries() {
        let missing = match stanzas::restorable(report, entry) {
            None | Some(Restorable::Damaged) => Vec::new(),
            Some(Restorable::AsItIs) => {
                as_it_is = as_it_is.max(Some(entry.timestamp_stop));
                Vec::new()
            }
            Some(Restorable::Inconsistent(missing)) => {
                unrestorable += 1;
                missing
            }
            Some(Restorable::Windows(windows)) => windows
                .into_iter()
                .filter_map(|window| window.gap)
                .collect(),
        };
        // Histories of several clusters may have segments of the same name.
        let cluster = entry.pg_id.to_string();
        gaps.extend(
            missing
                .into_iter()
                .map(|gap| (cluster.clone(), gap.first, gap.last)),
        );
    }
    families.add(&GAPS, of_repo, gaps.len());
    families.add(&UNRESTORABLE, of_repo, unrestorable);
    if let Some(span) = stanzas::span(report) {
        families.add(&NEWEST, of_repo, span.window.stored.unwrap_or(span.since));
        families.add(&SINCE, of_repo, span.since);
    } else if let Some(stop) = as_it_is {
        families.add(&NEWEST, of_repo, stop);
    }
}
