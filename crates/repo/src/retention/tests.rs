use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::backup_info::{BackupEntry, dependents};
use crate::pg_history::{PgHistory, PgHistoryEntry};
use crate::{ArchiveId, BackupLabel, BackupType};

pub(super) fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

/// A backup of second `second`; its WAL is segment `second` to `second + 1`.
pub(super) fn entry(text: &str, prior: Option<&str>, second: u32, pg_id: u32) -> BackupEntry {
    let label = label(text);
    BackupEntry {
        format: 5,
        version: "x".to_owned(),
        annotations: std::collections::BTreeMap::new(),
        archive_start: Some(segment(second)),
        archive_stop: Some(segment(second + 1)),
        error: Some(false),
        repo_size: 0,
        repo_size_delta: 0,
        repo_size_map: None,
        size: 0,
        size_delta: 0,
        lsn_start: None,
        lsn_stop: None,
        prior: prior.map(self::label),
        references: None,
        timestamp_start: second.into(),
        timestamp_stop: second.into(),
        backup_type: label.backup_type(),
        pg_id,
        option_archive_check: false,
        option_archive_copy: false,
        option_backup_standby: false,
        option_checksum_page: false,
        option_compress: false,
        option_hardlink: false,
        option_online: true,
        label,
    }
}

fn segment(number: u32) -> String {
    format!("00000001{:08X}{:08X}", number / 256, number % 256)
}

pub(super) const F1: &str = "20260101-000000F";
pub(super) const D1: &str = "20260101-000000F_20260102-000000D";
pub(super) const I1: &str = "20260101-000000F_20260103-000000I";
pub(super) const D2: &str = "20260101-000000F_20260104-000000D";
pub(super) const F2: &str = "20260105-000000F";
pub(super) const D3: &str = "20260105-000000F_20260106-000000D";
pub(super) const F3: &str = "20260107-000000F";

/// F1 ← D1 ← I1, F1 ← D2, F2 ← D3, F3; one day apart, in seconds of the epoch.
pub(super) fn chain() -> Vec<BackupEntry> {
    const DAY: u32 = 86_400;
    vec![
        entry(F1, None, DAY, 1),
        entry(D1, Some(F1), 2 * DAY, 1),
        entry(I1, Some(D1), 3 * DAY, 1),
        entry(D2, Some(F1), 4 * DAY, 1),
        entry(F2, None, 5 * DAY, 1),
        entry(D3, Some(F2), 6 * DAY, 1),
        entry(F3, None, 7 * DAY, 1),
    ]
}

fn texts(expired: &[Expired]) -> Vec<String> {
    expired.iter().map(Expired::text).collect()
}

#[test]
fn old_fulls_go_with_all_that_depend_on_them() {
    assert_eq!(
        texts(&expire_full(&chain(), 2)),
        [format!("set {F1}, {D1}, {I1}, {D2}")]
    );
    assert_eq!(
        texts(&expire_full(&chain(), 1))[1],
        format!("set {F2}, {D3}")
    );
    assert!(expire_full(&chain(), 3).is_empty());
}

#[test]
fn fulls_count_as_diffs_but_only_diffs_go() {
    // Counted: F1 D1 D2 F2 D3 F3.
    assert_eq!(
        texts(&expire_diff(&chain(), 4)),
        [format!("set {D1}, {I1}")]
    );
    assert_eq!(
        texts(&expire_diff(&chain(), 2)),
        [format!("set {D1}, {I1}"), D2.to_owned()]
    );
    assert!(expire_diff(&chain(), 6).is_empty());
}

#[test]
fn by_time_the_full_before_the_limit_stays() {
    const DAY: u64 = 86_400;
    // The limit lies after F2.
    let outcome = expire_full_by_time(&chain(), 1, 6 * DAY + DAY / 2);
    assert_eq!(
        texts(&outcome.expired),
        [format!("set {F1}, {D1}, {I1}, {D2}")]
    );
    assert_eq!(outcome.full_left, Some(2));
    // All are younger: nothing goes, and WAL is not expired either.
    assert_eq!(expire_full_by_time(&chain(), 100, 8 * DAY).full_left, None);
    // A backup that ended exactly at the limit is not before it.
    assert_eq!(expire_full_by_time(&chain(), 1, 8 * DAY).full_left, Some(2));
}

#[test]
fn the_last_full_of_a_cluster_cannot_be_named() {
    assert_eq!(
        expire_adhoc(&chain()[..4], &label(F1)),
        Err(AdhocError::LastFull)
    );
    assert_eq!(
        expire_adhoc(&chain(), &label("20250101-000000F")),
        Err(AdhocError::Missing)
    );
    let mut other_cluster = chain();
    other_cluster[6].pg_id = 2;
    assert_eq!(
        expire_adhoc(&other_cluster, &label(F3)),
        Err(AdhocError::LastFull)
    );
    let (expired, newest_gone) = expire_adhoc(&chain(), &label(F3)).unwrap();
    assert_eq!((expired.text(), newest_gone), (F3.to_owned(), true));
    assert!(!expire_adhoc(&chain(), &label(D1)).unwrap().1);
}

#[test]
fn oldest_needs_two_fulls() {
    assert_eq!(oldest(&chain()), Some(2));
    assert_eq!(oldest(&chain()[..4]), None);
}

#[test]
fn a_newest_set_in_progress_is_protected() {
    let on_disk: Vec<_> = [F1, F2, I1].map(label).to_vec();
    let listed = BTreeSet::from([label(F1)]);
    let idle = NewestSet {
        in_progress: false,
        prior: None,
    };
    let busy = NewestSet {
        in_progress: true,
        prior: None,
    };
    assert_eq!(
        unlisted(&on_disk, &listed, &idle, Protection::Retention),
        [label(F2), label(I1)]
    );
    assert_eq!(
        unlisted(&on_disk, &listed, &busy, Protection::Retention),
        [label(I1)]
    );
}

#[test]
fn an_unfinished_dependent_of_the_named_backup_goes_with_it() {
    let on_disk = [label(F1), label(I1)];
    let listed = BTreeSet::from([label(F1)]);
    let newest = NewestSet {
        in_progress: true,
        prior: Some(label(D1)),
    };
    assert_eq!(
        unlisted(&on_disk, &listed, &newest, Protection::Adhoc(&label(D1))),
        [label(I1)]
    );
    let alive = NewestSet {
        in_progress: true,
        prior: Some(label(F1)),
    };
    assert!(unlisted(&on_disk, &listed, &alive, Protection::Adhoc(&label(D1))).is_empty());
}

#[test]
fn history_manifests_go_by_year_and_label() {
    let limit = history_limit(1_795_492_873, 30, &TimeZone::UTC).unwrap();
    assert_eq!(limit.as_str(), "20261025-040113F");
    assert_eq!(history_year("2025", &limit), Some(HistoryYear::Remove));
    assert_eq!(history_year("2026", &limit), Some(HistoryYear::PerFile));
    assert_eq!(history_year("2027", &limit), Some(HistoryYear::Keep));
    assert_eq!(history_year("1999", &limit), None);
    let listed = BTreeSet::from([label(F1)]);
    assert!(keeps_history_manifest(
        &format!("{F1}.manifest.gz"),
        &limit,
        &listed
    ));
    assert!(!keeps_history_manifest(
        &format!("{F2}.manifest.gz"),
        &limit,
        &listed
    ));
    assert!(keeps_history_manifest(
        "20261025-040113F.manifest.gz",
        &limit,
        &listed
    ));
    assert!(keeps_history_manifest("notes", &limit, &listed));
}

fn history(versions: &[&str]) -> PgHistory {
    let entries: Vec<_> = versions
        .iter()
        .zip(1..)
        .map(|(version, id)| PgHistoryEntry {
            id,
            system_id: 7,
            version: (*version).to_owned(),
            catalog_version: 0,
            control_version: 0,
        })
        .collect();
    PgHistory::from_entries(entries, versions.len() as u32).unwrap()
}

fn plans(
    entries: &[BackupEntry],
    versions: &[&str],
    keep: u32,
    before: Option<&str>,
) -> Vec<ArchivePlan> {
    let history = history(versions);
    let on_disk: Vec<ArchiveId> = history
        .entries()
        .iter()
        .map(PgHistoryEntry::archive_id)
        .collect();
    let request = ArchiveRequest {
        keep,
        keep_type: BackupType::Full,
        before,
    };
    plan_archive(entries, &history, &history, &on_disk, request).unwrap()
}

fn small_chain() -> Vec<BackupEntry> {
    vec![
        entry(F1, None, 0x10, 1),
        entry(D1, Some(F1), 0x20, 1),
        entry(F2, None, 0x30, 1),
        entry(F3, None, 0x140, 1),
    ]
}

#[test]
fn too_few_backups_expire_no_wal() {
    assert!(plans(&small_chain(), &["17"], 4, None).is_empty());
    assert!(plans(&[], &["17"], 1, None).is_empty());
}

#[test]
fn older_backups_keep_only_what_makes_them_consistent() {
    let plans = plans(&small_chain(), &["17"], 1, None);
    let [
        ArchivePlan {
            action: ArchiveAction::Keep(keep),
            ..
        },
    ] = &plans[..]
    else {
        panic!("{plans:?}")
    };
    assert_eq!(keep.retention_start, Some(segment(0x140)));
    assert_eq!(keep.ranges.len(), 4);
    for (number, kept) in [
        (0x0f, false),
        (0x10, true),
        (0x11, true),
        (0x12, false),
        (0x31, true),
        (0x13f, false),
    ] {
        assert_eq!(
            keep.keeps_file(&format!("{}-x", segment(number))),
            kept,
            "{number:x}"
        );
    }
    assert!(
        keep.keeps_file(&segment(0x9999)),
        "everything after the retention start"
    );
    assert!(!keep.keeps_file(&format!("{}.00000028.backup", segment(0x12))));
    assert!(keep.keeps_file("notes.txt"));
    // 0x10 … 0x31 are in directory 0, the retention start in directory 1.
    assert!(keep.keeps_directory("0000000100000000") && keep.needs_listing("0000000100000001"));
    assert!(!keep.needs_listing("0000000100000002"));
    assert!(!keep.keeps_history("00000000.history") && keep.keeps_history("00000001.history"));
}

#[test]
fn a_former_cluster_without_backups_goes_and_the_current_one_stays() {
    let of_two = [entry(F1, None, 1, 2), entry(F2, None, 3, 2)];
    let removed = plans(&of_two, &["16", "17"], 1, None);
    assert_eq!(
        removed[0],
        ArchivePlan {
            id: ArchiveId::new("16", 1),
            action: ArchiveAction::Remove
        }
    );
    let of_one = [entry(F1, None, 1, 1), entry(F2, None, 3, 1)];
    let kept = plans(&of_one, &["16", "17"], 1, None);
    assert_eq!(
        kept.iter().map(|plan| plan.id.id()).collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn an_offline_retention_backup_says_nothing_about_wal() {
    let mut entries = small_chain();
    entries[3].archive_start = None;
    assert!(plans(&entries, &["17"], 1, None).is_empty());
}

#[test]
fn expire_before_keeps_from_its_segment_on() {
    let before = segment(0x38);
    let plans_before = plans(&small_chain(), &["17"], 9, Some(&before));
    // All backups are used, so the oldest is the retention backup and only what is before it goes.
    let [
        ArchivePlan {
            action: ArchiveAction::Keep(keep),
            ..
        },
    ] = &plans_before[..]
    else {
        panic!()
    };
    assert_eq!(keep.retention_start, Some(segment(0x10)));
    let plans_one = plans(&small_chain(), &["17"], 1, Some(&before));
    let [
        ArchivePlan {
            action: ArchiveAction::Keep(keep),
            ..
        },
    ] = &plans_one[..]
    else {
        panic!()
    };
    assert!(!keep.keeps_file(&segment(0x37)) && keep.keeps_file(&segment(0x38)));
    // Without any backup the current archive keeps everything from the segment on.
    let none = plans(&[], &["17"], 1, Some(&before));
    let [
        ArchivePlan {
            action: ArchiveAction::Keep(keep),
            ..
        },
    ] = &none[..]
    else {
        panic!()
    };
    assert!(
        !keep.keeps_file(&segment(0x37))
            && keep.keeps_file(&segment(0x38))
            && keep.needs_listing("FFFFFFFF00000000")
    );
}

#[test]
fn histories_that_differ_stop_the_expiration() {
    let request = ArchiveRequest {
        keep: 1,
        keep_type: BackupType::Full,
        before: None,
    };
    let error = plan_archive(
        &small_chain(),
        &history(&["16"]),
        &history(&["17"]),
        &[],
        request,
    )
    .unwrap_err();
    assert_eq!(
        error.text(),
        "archive expiration cannot continue - archive and backup history lists do not match"
    );
    let longer = plan_archive(
        &small_chain(),
        &history(&["17"]),
        &history(&["17", "17"]),
        &[],
        request,
    );
    assert!(longer.is_err());
}

#[test]
fn removals_are_joined_to_runs() {
    let mut runs = RemovedRuns::default();
    runs.removed("A");
    runs.removed("B");
    assert_eq!(runs.kept(), Some(("A".to_owned(), "B".to_owned())));
    assert_eq!(runs.kept(), None);
    runs.removed("D");
    assert_eq!(
        runs.finish(),
        (Some(("D".to_owned(), "D".to_owned())), true)
    );
    assert_eq!(RemovedRuns::default().finish(), (None, false));
}

/// Chains of random shape: each step adds a full, or a diff or incr on something of the newest full set.
fn any_chain() -> impl Strategy<Value = Vec<BackupEntry>> {
    proptest::collection::vec((0u8..3, any::<proptest::sample::Index>()), 0..25).prop_map(|steps| {
        let mut entries: Vec<BackupEntry> = Vec::new();
        for (number, (kind, pick)) in (0u32..).zip(steps) {
            let full = entries
                .iter()
                .rev()
                .find(|entry| entry.backup_type == BackupType::Full)
                .cloned();
            let time = format!("20260101-00{:02}{:02}", number / 60, number % 60);
            let second = 0x100 + number * 5;
            entries.push(match (kind, full) {
                (1, Some(full)) => entry(
                    &format!("{}_{time}D", full.label),
                    Some(full.label.as_str()),
                    second,
                    1,
                ),
                (2, Some(full)) => {
                    let set: Vec<_> = entries
                        .iter()
                        .filter(|entry| entry.label.full_part() == full.label.as_str())
                        .collect();
                    let prior = set[pick.index(set.len())].label.clone();
                    entry(
                        &format!("{}_{time}I", full.label),
                        Some(prior.as_str()),
                        second,
                        1,
                    )
                }
                _ => entry(&format!("{time}F"), None, second, 1),
            });
        }
        entries
    })
}

fn left(entries: &[BackupEntry], expired: &[Expired]) -> Vec<BackupEntry> {
    let gone: BTreeSet<_> = expired
        .iter()
        .flat_map(|expired| expired.set.clone())
        .collect();
    entries
        .iter()
        .filter(|entry| !gone.contains(&entry.label))
        .cloned()
        .collect()
}

fn chains_are_whole(entries: &[BackupEntry]) -> bool {
    entries.iter().all(|entry| {
        entry
            .prior
            .as_ref()
            .is_none_or(|prior| entries.iter().any(|other| other.label == *prior))
    })
}

proptest! {
    #[test]
    fn no_backup_is_left_without_its_prior(entries in any_chain(), keep in 1u32..6, days in 0u32..3, now in 0u64..400_000) {
        let full = expire_full(&entries, keep);
        let after_full = left(&entries, &full);
        prop_assert!(chains_are_whole(&after_full));
        let fulls = after_full.iter().filter(|entry| entry.backup_type == BackupType::Full).count();
        let before = entries.iter().filter(|entry| entry.backup_type == BackupType::Full).count();
        prop_assert_eq!(fulls, before.min(keep as usize));
        let after_diff = left(&after_full, &expire_diff(&after_full, keep));
        prop_assert!(chains_are_whole(&after_diff));
        prop_assert!(chains_are_whole(&left(&entries, &expire_full_by_time(&entries, days, now).expired)));
        for entry in &entries {
            if let Ok((expired, _)) = expire_adhoc(&entries, &entry.label) {
                prop_assert_eq!(&expired.set, &dependents(&entries, &entry.label));
                prop_assert!(chains_are_whole(&left(&entries, &[expired])));
            }
        }
    }

    #[test]
    fn wal_of_every_kept_backup_and_all_after_retention_stays(
        entries in any_chain(), keep in 1u32..6, kind in 0usize..3, before in proptest::option::of(0x80u32..0x200),
    ) {
        let keep_type = [BackupType::Full, BackupType::Diff, BackupType::Incr][kind];
        let before = before.map(segment);
        let history = history(&["17"]);
        let request = ArchiveRequest { keep, keep_type, before: before.as_deref() };
        let on_disk = [ArchiveId::new("17", 1)];
        for plan in plan_archive(&entries, &history, &history, &on_disk, request).unwrap() {
            let ArchiveAction::Keep(ranges) = plan.action else { panic!("the current archive is never removed") };
            for entry in &entries {
                for segment in [&entry.archive_start, &entry.archive_stop].into_iter().flatten() {
                    prop_assert!(ranges.keeps_file(segment) && ranges.keeps_directory(&segment[..16]));
                }
            }
            for number in 0u32..0x300 {
                let name = segment(number);
                let beyond = before.as_ref().is_some_and(|before| name >= *before)
                    || ranges.retention_start.as_ref().is_some_and(|start| name >= *start);
                if beyond {
                    prop_assert!(ranges.keeps_file(&name) && ranges.keeps_directory(&name[..16]));
                }
                // A kept file lies in a kept directory.
                prop_assert!(!ranges.keeps_file(&name) || ranges.keeps_directory(&name[..16]));
                // Directories that are not listed hold nothing to remove.
                prop_assert!(ranges.needs_listing(&name[..16]) || ranges.keeps_file(&name));
            }
        }
    }
}
