//! A moment chosen at random of what the backups on one timeline span.
//!
//! It lies behind the end of a backup and before the beginning of another one on the same timeline, so that WAL leads to it and a
//! record follows it. The set and the timeline are named: an address alone may stand for moments of several timelines. WAL between
//! old backups may be gone by `repo-retention-archive`: no moment is chosen to which no WAL leads.

use std::collections::BTreeMap;

use pgkeep_postgres::{Lsn, WalSegment};
use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::scratch::restored::{self, list};
use crate::scratch::{Plan, Scratch, Settings, info, random};

/// An online backup.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Backup {
    label: String,
    repo_key: u64,
    timeline: u32,
    start: Lsn,
    stop: Lsn,
}

/// What was chosen; without an address the end of the backup.
#[derive(Debug, PartialEq, Eq)]
struct Moment<'a> {
    backup: &'a Backup,
    lsn: Option<Lsn>,
}

/// Sets the target.
///
/// # Errors
/// There is no backup.
pub(super) fn choose(context: &Context, scratch: &Scratch, settings: &mut Settings) -> Result<()> {
    let info = info(context, scratch, settings, &[])?;
    let backups = backups(&info);
    let moment = pick(&backups, random()?).ok_or_else(|| {
        Error::new(
            ErrorCode::BackupSetInvalid,
            "there is no backup to choose a moment of",
        )
        .with_hint("make a backup first.")
    })?;
    let backup = moment.backup;
    let mut words = vec![format!("--set={}", backup.label)];
    if !settings.names_repository() {
        words.push(format!("--repo={}", backup.repo_key));
    }
    let lsn = match moment.lsn {
        Some(lsn) => {
            let mut to_the_end = settings.clone();
            to_the_end.restore.extend(words.clone());
            let timeline = format!("--target-timeline={}", backup.timeline);
            to_the_end.restore.push(timeline);
            let plan = restored::plan(context, scratch, &to_the_end)?;
            within(backup, lsn, last_record(&plan), random()?)
        }
        None => None,
    };
    let chosen = match lsn {
        Some(lsn) => {
            words.push("--type=lsn".to_owned());
            words.push(format!("--target={lsn}"));
            words.push(format!("--target-timeline={}", backup.timeline));
            "lsn".clone_into(&mut settings.kind);
            settings.target = Some(lsn.to_string());
            lsn.to_string()
        }
        None => {
            words.push("--type=immediate".to_owned());
            "immediate".clone_into(&mut settings.kind);
            "its end".to_owned()
        }
    };
    log::info!(
        "chose to recover backup {} to {chosen} on timeline {}",
        backup.label,
        backup.timeline
    );
    settings.restore.extend(words);
    Ok(())
}

/// The online backups of the newest cluster in each repository.
fn backups(info: &Value) -> Vec<Backup> {
    let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for backup in list(info).iter().flat_map(|stanza| list(&stanza["backup"])) {
        let id = backup["database"]["id"].as_u64().unwrap_or(0);
        let repo_key = backup["database"]["repo-key"].as_u64().unwrap_or(1);
        let known = newest.entry(repo_key).or_insert(id);
        *known = id.max(*known);
        let read = || {
            Some(Backup {
                label: backup["label"].as_str()?.to_owned(),
                repo_key,
                timeline: backup["archive"]["stop"]
                    .as_str()?
                    .parse::<WalSegment>()
                    .ok()?
                    .timeline
                    .0,
                start: backup["lsn"]["start"].as_str()?.parse().ok()?,
                stop: backup["lsn"]["stop"].as_str()?.parse().ok()?,
            })
        };
        found.extend(read().map(|backup| (id, backup)));
    }
    found.retain(|(id, backup)| newest.get(&backup.repo_key) == Some(id));
    found.into_iter().map(|(_, backup)| backup).collect()
}

/// One of all moments, each as likely as any other; the end of a backup where no two lie on one timeline.
fn pick(backups: &[Backup], random: u64) -> Option<Moment<'_>> {
    let mut lines: BTreeMap<(u64, u32), Vec<&Backup>> = BTreeMap::new();
    for backup in backups {
        let line = lines.entry((backup.repo_key, backup.timeline)).or_default();
        line.push(backup);
    }
    let spans: Vec<(Lsn, u128, &[&Backup])> = lines
        .values()
        .filter_map(|line| {
            let first = line.iter().map(|backup| backup.stop).min()?;
            let last = line.iter().map(|backup| backup.start).max()?;
            let span = u128::from(last.0.checked_sub(first.0)?) + 1;
            Some((first, span, line.as_slice()))
        })
        .collect();
    let total: u128 = spans.iter().map(|(_, span, _)| span).sum();
    if total == 0 {
        let backup = backups.get(usize::try_from(random % backups.len().max(1) as u64).ok()?)?;
        return Some(Moment { backup, lsn: None });
    }
    let mut at = u128::from(random) % total;
    for (first, span, line) in spans {
        if at >= span {
            at -= span;
            continue;
        }
        let lsn = Lsn(first.0 + u64::try_from(at).ok()?);
        let ended = line.iter().filter(|backup| backup.stop <= lsn);
        let backup = ended.max_by_key(|backup| backup.stop)?;
        return Some(Moment {
            backup,
            lsn: Some(lsn),
        });
    }
    None
}

/// Before this position a record follows wherever recovery ends: the beginning of the last segment to which WAL leads without a gap.
fn last_record(plan: &Plan) -> Option<Lsn> {
    let segment: WalSegment = plan.last_wal.as_deref()?.parse().ok()?;
    Some(segment.start(plan.wal_segment_size?))
}

/// The address if it lies before `end`, else one that does; `None`: only the end of the backup is left.
fn within(backup: &Backup, lsn: Lsn, end: Option<Lsn>, random: u64) -> Option<Lsn> {
    let room = end?.0.checked_sub(backup.stop.0).filter(|room| *room > 0)?;
    match lsn.0.saturating_sub(backup.stop.0) < room {
        true => Some(lsn),
        false => Some(Lsn(backup.stop.0 + random % room)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(label: &str, timeline: u32, start: u64, stop: u64) -> Backup {
        Backup {
            label: label.to_owned(),
            repo_key: 1,
            timeline,
            start: Lsn(start),
            stop: Lsn(stop),
        }
    }

    #[test]
    fn only_online_backups_of_the_newest_cluster_of_a_repository_count() {
        let one = |id: u64, repo: u64, label: &str| {
            serde_json::json!({
                "label": label, "database": {"id": id, "repo-key": repo},
                "archive": {"stop": "000000020000000000000005"}, "lsn": {"start": "0/4", "stop": "0/5"},
            })
        };
        let offline = serde_json::json!({"label": "o", "database": {"id": 2, "repo-key": 1}});
        let info = serde_json::json!([{"backup": [one(1, 1, "a"), one(2, 1, "b"), offline, one(1, 2, "c")]}]);
        let found = backups(&info);
        let labels: Vec<&str> = found.iter().map(|backup| backup.label.as_str()).collect();
        assert_eq!(labels, ["b", "c"]);
        assert_eq!(found[0].timeline, 2);
    }

    #[test]
    fn a_moment_lies_between_two_backups_of_its_timeline() {
        let all = [
            backup("a", 1, 10, 20),
            backup("b", 1, 100, 110),
            // A branch that left before b, and a backup of it that is alone.
            backup("c", 2, 90, 95),
        ];
        for random in 0..500 {
            let moment = pick(&all, random).unwrap();
            let lsn = moment.lsn.unwrap();
            assert!((Lsn(20)..=Lsn(100)).contains(&lsn), "{lsn}");
            assert_eq!(moment.backup.label, "a");
        }
    }

    #[test]
    fn no_moment_is_chosen_to_which_no_wal_leads() {
        let (size, at) = (16 << 20, |segment: u64| segment << 24);
        let one = backup("a", 1, at(2), at(3) + 100);
        // What was kept behind the backup: its own WAL only, two segments more, and nothing at all.
        for (last, end) in [
            (Some("000000010000000000000003"), None),
            (Some("000000010000000000000005"), Some(at(5))),
            (None, None),
        ] {
            let plan = Plan {
                last_wal: last.map(str::to_owned),
                wal_segment_size: Some(size),
                ..Plan::default()
            };
            for random in (0..200).map(|step| step * 0x0123_4567_89AB) {
                for lsn in [one.stop.0, at(4), at(5) - 1, at(5), at(9)].map(Lsn) {
                    let chosen = within(&one, lsn, last_record(&plan), random);
                    assert_eq!(chosen.is_some(), end.is_some(), "{last:?}");
                    if let (Some(chosen), Some(end)) = (chosen, end) {
                        assert!((one.stop.0..end).contains(&chosen.0), "{chosen}");
                        assert!(chosen == lsn || lsn.0 >= end, "{lsn} became {chosen}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_single_backup_is_tried_as_it_ended_and_hostile_numbers_are_no_panic() {
        let one = [backup("a", 1, 10, 20)];
        let end = Some(Moment {
            backup: &one[0],
            lsn: None,
        });
        assert_eq!(pick(&one, 7), end);
        assert_eq!(pick(&[], 7), None);
        let odd = [
            backup("a", 1, 0, 0),
            backup("b", 1, u64::MAX, u64::MAX),
            backup("c", 2, 0, 0),
            backup("d", 2, u64::MAX, 0),
        ];
        for random in [0, 1, u64::MAX - 1, u64::MAX] {
            assert!(pick(&odd, random).is_some());
        }
    }
}
