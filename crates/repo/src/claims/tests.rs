//! Each rule with a claim that breaks it and one that does not.

use super::*;
use crate::pg_history::PgHistoryEntry;
use crate::retention::expire_full_by_time;

const DAY: i64 = 86_400;
/// 2026-03-01 00:00:00 UTC.
const NOW: i64 = 1_772_323_200;

fn history() -> PgHistory {
    PgHistory::new(PgHistoryEntry {
        id: 1,
        system_id: 7,
        version: "17".to_owned(),
        catalog_version: 1,
        control_version: 2,
    })
}

/// A full backup that began so many seconds after [`NOW`] and took a minute.
fn full(at: i64) -> BackupEntry {
    let start = NOW + at;
    let label = BackupLabel::format(BackupType::Full, None, start, &TimeZone::UTC).unwrap();
    let segment = format!("00000001{:016X}", start / 100);
    BackupEntry {
        label,
        format: 5,
        version: "1".to_owned(),
        annotations: Default::default(),
        archive_start: Some(segment.clone()),
        archive_stop: Some(segment),
        error: None,
        repo_size: 500,
        repo_size_delta: 500,
        repo_size_map: None,
        size: 1000,
        size_delta: 1000,
        lsn_start: None,
        lsn_stop: None,
        prior: None,
        references: None,
        timestamp_start: u64::try_from(start).unwrap(),
        timestamp_stop: u64::try_from(start + 60).unwrap(),
        backup_type: BackupType::Full,
        pg_id: 1,
        option_archive_check: true,
        option_archive_copy: false,
        option_backup_standby: false,
        option_checksum_page: true,
        option_compress: true,
        option_hardlink: false,
        option_online: true,
    }
}

fn incr(prior: &BackupEntry, at: i64) -> BackupEntry {
    let label = BackupLabel::format(
        BackupType::Incr,
        Some(&prior.label),
        NOW + at,
        &TimeZone::UTC,
    )
    .unwrap();
    BackupEntry {
        label,
        backup_type: BackupType::Incr,
        prior: Some(prior.label.clone()),
        ..full(at)
    }
}

fn claim(entry: &BackupEntry) -> Claim {
    Claim {
        label: entry.label.clone(),
        stored: i64::try_from(entry.timestamp_stop).unwrap() + 5,
        said: Ok(Said {
            entry: entry.clone(),
            system_id: 7,
            version: "17".to_owned(),
            missing: None,
        }),
    }
}

const NO_LIMITS: Limits = Limits {
    full: None,
    archive: None,
};

fn full_limit(full: u32) -> Limits {
    Limits {
        full: Some(full),
        ..NO_LIMITS
    }
}

fn verdict(listed: &[BackupEntry], claims: &[Claim], limits: Limits) -> String {
    match judge(listed, &history(), claims, NOW, limits) {
        Ok(()) => String::new(),
        Err(refusal) => refusal.reason,
    }
}

/// The verdict on one claim after a full backup of three days ago, changed.
fn changed(change: impl FnOnce(&mut Claim)) -> String {
    let mut claim = claim(&full(-DAY));
    change(&mut claim);
    verdict(&[full(-3 * DAY)], &[claim], NO_LIMITS)
}

fn entry(change: impl FnOnce(&mut BackupEntry)) -> String {
    changed(|claim| change(&mut claim.said.as_mut().unwrap().entry))
}

#[test]
fn backups_as_they_are_made_are_believed() {
    let (first, second) = (full(-3 * DAY), full(-DAY));
    let third = incr(&second, -1000);
    let claims = [&second, &third].map(claim);
    assert_eq!(
        verdict(std::slice::from_ref(&first), &claims, full_limit(2)),
        ""
    );
    // The first of all, too, and whatever order they are found in.
    assert_eq!(
        verdict(&[], &[&third, &second, &first].map(claim), NO_LIMITS),
        ""
    );
}

#[test]
fn a_manifest_of_something_else_is_not_believed() {
    assert!(
        entry(|entry| entry.label = full(-2 * DAY).label).contains("its manifest is of backup")
    );
    let foreign = changed(|claim| claim.said.as_mut().unwrap().system_id = 8);
    assert!(foreign.contains("does not know"), "{foreign}");
    let version = changed(|claim| claim.said.as_mut().unwrap().version = "16".to_owned());
    assert!(version.contains("does not know"), "{version}");
    assert!(changed(|claim| claim.said = Err("x".to_owned())).contains("cannot be read: x"));
}

#[test]
fn the_future_is_not_believed() {
    let later = |at| verdict(&[], &[claim(&full(at))], NO_LIMITS);
    assert_eq!(later(1800), "");
    assert!(later(2 * 3600).contains("future"));
    assert!(later(400 * DAY).contains("future"));
    // Only the label: it would be the newest for ever, and no backup could come after it.
    assert!(is_ahead(&full(DAY).label, NOW) && !is_ahead(&full(0).label, NOW));
}

#[test]
fn times_that_contradict_each_other_are_not_believed() {
    let reason = entry(|entry| entry.timestamp_stop = entry.timestamp_start - 1);
    assert!(reason.contains("before it began"), "{reason}");
    let reason = entry(|entry| {
        entry.timestamp_start += 20 * 3600;
        entry.timestamp_stop += 20 * 3600;
    });
    assert!(reason.contains("contradict"), "{reason}");
    let reason = changed(|claim| claim.stored -= 2 * 3600);
    assert!(reason.contains("after its manifest was stored"), "{reason}");
    // Put in between what was there long ago, as if it had been there.
    let reason = changed(|claim| claim.stored += DAY + 3600);
    assert!(reason.contains("more than a day older"), "{reason}");
}

#[test]
fn nothing_comes_before_or_between_what_is_listed() {
    let listed = [full(-3 * DAY), full(-DAY)];
    let reason = verdict(&listed, &[claim(&full(-2 * DAY))], NO_LIMITS);
    assert!(reason.contains("is not later than"), "{reason}");
    let reason = verdict(&listed, &[claim(&incr(&listed[0], -2 * DAY))], NO_LIMITS);
    assert!(reason.contains("is not later than"), "{reason}");
    let reason = entry(|entry| entry.archive_start = full(-4 * DAY).archive_start);
    assert!(reason.contains("begins before segment"), "{reason}");
    // Recovery has begun a new timeline.
    assert_eq!(
        entry(|entry| {
            entry.archive_start = Some("000000020000000000000001".to_owned());
            entry.archive_stop = entry.archive_start.clone();
        }),
        ""
    );
    let reason = entry(|entry| entry.archive_stop = Some("000000010000000000000001".to_owned()));
    assert!(reason.contains("ends before it begins"), "{reason}");
}

#[test]
fn wal_that_cannot_be_is_not_believed() {
    let needs = |start: Option<&str>, stop: Option<&str>| {
        entry(|entry| {
            entry.archive_start = start.map(str::to_owned);
            entry.archive_stop = stop.map(str::to_owned);
        })
    };
    // As text these come after every segment, so all WAL would be before it.
    for name in [
        "zz",
        "0000000100000000000000010",
        "00000001ffffffffffffffff",
    ] {
        let reason = needs(Some(name), Some(name));
        assert!(reason.contains("which is none"), "{name}: {reason}");
    }
    let first = "000000010000000000000001";
    assert!(needs(Some(first), None).contains("only where"));
    assert!(needs(Some(first), Some("000000020000000000000001")).contains("two timelines"));
    assert_eq!(needs(None, None), "");
}

#[test]
fn a_listed_backup_that_contradicts_a_claim_is_named() {
    let mut listed = full(-3 * DAY);
    listed.archive_start = Some("0000000100000FFF00000001".to_owned());
    let refusal = |claim: BackupEntry| {
        let listed = std::slice::from_ref(&listed);
        judge(listed, &history(), &[self::claim(&claim)], NOW, NO_LIMITS).unwrap_err()
    };
    let back = refusal(full(-DAY));
    assert!(back.reason.contains("0000000100000FFF00000001"), "{back:?}");
    assert_eq!(back.against, Some(listed.label.clone()));
    assert_eq!(refusal(full(-4 * DAY)).against, Some(listed.label.clone()));
    let small = BackupEntry {
        size: 1,
        archive_start: listed.archive_start.clone(),
        archive_stop: listed.archive_start.clone(),
        ..full(-DAY)
    };
    assert_eq!(refusal(small).against, None);
}

#[test]
fn a_flood_does_not_push_out_the_wal_of_what_is_listed() {
    let listed = [full(-9 * DAY)];
    let first = incr(&listed[0], -3 * DAY);
    let second = incr(&first, -2 * DAY);
    let third = incr(&second, -DAY);
    let claims = [first, second, third].map(|entry| claim(&entry));
    let keep = |kind, number| Limits {
        full: Some(4),
        archive: Some((kind, number)),
    };
    assert_eq!(verdict(&listed, &claims, keep(BackupType::Incr, 4)), "");
    let reason = verdict(&listed, &claims, keep(BackupType::Incr, 3));
    assert!(
        reason.contains("the WAL of 3 is kept: that of all listed"),
        "{reason}"
    );
    // They do not count where that of full backups is kept.
    assert_eq!(verdict(&listed, &claims, keep(BackupType::Full, 1)), "");
    let fulls = [-3 * DAY, -2 * DAY].map(|at| claim(&full(at)));
    let reason = verdict(&listed, &fulls, keep(BackupType::Full, 2));
    assert!(reason.contains("the WAL of 2 is kept"), "{reason}");
    // Drop by drop.
    let daily = [-4, -3, -2].map(|day| full(day * DAY));
    let soon = [claim(&incr(&daily[2], -2 * DAY + 3600))];
    let reason = verdict(&daily, &soon, keep(BackupType::Incr, 9));
    assert!(reason.contains("a quarter of the usual time"), "{reason}");
    assert_eq!(verdict(&daily, &soon, keep(BackupType::Full, 9)), "");
}

#[test]
fn what_a_backup_depends_on_must_be_listed_and_older() {
    let gone = full(-4 * DAY);
    let reason = verdict(&[full(-3 * DAY)], &[claim(&incr(&gone, -DAY))], NO_LIMITS);
    assert!(reason.contains("which is not listed"), "{reason}");
    let reason = entry(|entry| entry.prior = Some(full(-3 * DAY).label));
    assert!(reason.contains("contradict each other"), "{reason}");
}

#[test]
fn a_backup_that_is_not_all_there_or_too_small_is_not_believed() {
    let reason = changed(|claim| claim.said.as_mut().unwrap().missing = Some("gone".to_owned()));
    assert_eq!(reason, "gone");
    let reason = entry(|entry| entry.size = 499);
    assert!(reason.contains("less than half"), "{reason}");
    assert_eq!(entry(|entry| entry.size = 500), "");
}

#[test]
fn a_flood_of_full_backups_does_not_push_out_what_is_listed() {
    let keep = full_limit;
    let listed = [full(-9 * DAY)];
    let claims = [-3 * DAY, -2 * DAY, -DAY].map(|at| claim(&full(at)));
    assert_eq!(verdict(&listed, &claims, keep(4)), "");
    let reason = verdict(&listed, &claims, keep(3));
    assert!(reason.contains("all that were listed would go"), "{reason}");
    // By time nothing goes sooner because more comes.
    assert_eq!(verdict(&listed, &claims, NO_LIMITS), "");
    // One for one is what a retention of one asks for.
    assert_eq!(verdict(&listed, &claims[..1], keep(1)), "");
    // Drop by drop.
    let weekly = [-28, -21, -14, -7].map(|day| full(day * DAY));
    let reason = verdict(&weekly, &[claim(&full(-6 * DAY))], keep(4));
    assert!(reason.contains("a quarter of the usual time"), "{reason}");
    assert_eq!(verdict(&weekly, &[claim(&full(-1))], keep(4)), "");
}

#[test]
fn what_began_before_a_listed_backup_does_not_run_any_more() {
    let listed = [full(-DAY)];
    assert!(is_overtaken(&full(-2 * DAY).label, &listed));
    assert!(!is_overtaken(&full(-10).label, &listed));
    assert!(is_overtaken(
        &incr(&full(-5 * DAY), -2 * DAY).label,
        &listed
    ));
}

/// A cluster with a full backup each week, `keep` of them listed. From now on a thief adds what is believed, as early as it is, and
/// `expire` runs each day. The days until the last backup of before has gone; at most `most`.
fn days_until_all_are_gone(
    keep: u32,
    most: i64,
    expired: impl Fn(&[BackupEntry], i64) -> usize,
) -> i64 {
    let weeks = i64::from(keep);
    let mut listed: Vec<_> = (1..=weeks)
        .rev()
        .map(|week| full(-7 * DAY * week))
        .collect();
    let genuine = listed.last().unwrap().label.clone();
    for day in 1..=most {
        let now = NOW + day * DAY;
        let before = listed.len();
        let a_day = if most == BY_NUMBER { 48 } else { 6 };
        for number in 0..a_day {
            let more = full((day - 1) * DAY + number * (DAY / a_day));
            let mut claims: Vec<_> = listed[before..].iter().map(claim).collect();
            claims.push(claim(&more));
            let limits = match most {
                BY_NUMBER => full_limit(keep),
                _ => NO_LIMITS,
            };
            if judge(&listed[..before], &history(), &claims, now, limits).is_ok() {
                listed.push(more);
            }
        }
        listed.drain(..expired(&listed, now));
        if !listed.iter().any(|entry| entry.label == genuine) {
            return day;
        }
    }
    most
}

const BY_NUMBER: i64 = 1000;

#[test]
fn a_patient_thief_pushes_out_by_number_and_not_before_the_time_that_is_kept() {
    let by_number = |keep: u32| {
        days_until_all_are_gone(keep, BY_NUMBER, |listed, _| {
            listed.len().saturating_sub(keep as usize)
        })
    };
    // The guide has these numbers.
    assert_eq!([1, 2, 4, 8].map(by_number), [1, 2, 5, 9]);
    let by_time = |days: u32| {
        days_until_all_are_gone(4, i64::from(days) + 9, |listed, now| {
            let gone = expire_full_by_time(listed, days, u64::try_from(now).unwrap());
            gone.expired.len()
        })
    };
    for days in [7, 14] {
        assert!(by_time(days) > i64::from(days), "{days}");
    }
}
