//! The backups of a stanza in a repository: their age, their times, and what is recorded of the newest.

use std::time::Duration;

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::pin::Pin;
use pgkeep_repo::{BackupInfo, BackupType, Stanza, durability, layout};
use pgkeep_storage::{Durability, InfoLevel, Storage};

use super::check::{
    BACKUP_AGE, BACKUP_TIME, DURABILITY, FULL_AGE, KEEPER, KEPT_LONGER, PAGE_ERRORS,
};
use super::settings::Settings;
use crate::report::advice;
use crate::report::check::Check;
use crate::report::finding::{Finding, Subject};
use crate::report::time_text::time_text;

/// Seconds after which `expire` is missed where another account runs it: it should run every day.
const KEEPER_LATE: u64 = 2 * 24 * 3600;
/// Seconds by which a backup may seem to be from the future.
const SKEW: u64 = 30;

/// `now`: seconds since 1970 by our clock.
pub(super) fn examine(
    subject: &Subject,
    settings: &Settings,
    stanza: &Stanza,
    storage: &dyn Storage,
    info: &BackupInfo,
    now: i64,
) -> Vec<Finding> {
    let kept = kept_longer(subject, settings, info.entries(), now);
    let keeper = keeper(subject, stanza, storage, now);
    let now = u64::try_from(now).unwrap_or(0);
    let command = |kind: &str| {
        let repo = subject.repo.unwrap_or(1);
        let command = advice::pgkeep(
            stanza.as_str(),
            &format!("--repo={repo} --type={kind} backup"),
        );
        format!("{command}, and a timer for it")
    };
    let entries = info.entries();
    let newest = entries.iter().max_by_key(|entry| entry.timestamp_stop);
    let Some(newest) = newest else {
        let none = subject.fail(&BACKUP_AGE, "there is no backup", command("full"));
        return [none].into_iter().chain(keeper).collect();
    };
    let full = entries
        .iter()
        .filter(|entry| entry.backup_type == BackupType::Full)
        .max_by_key(|entry| entry.timestamp_stop);
    let mut findings = vec![age(
        subject,
        &BACKUP_AGE,
        newest,
        now,
        (settings.backup_age, command("incr")),
    )];
    if let Some(full) = full {
        let limit = (settings.full_age, command("full"));
        findings.push(age(subject, &FULL_AGE, full, now, limit));
    }
    findings.extend(kept);
    findings.extend(keeper);
    findings.push(times(subject, entries, now));
    findings.push(page_errors(subject, stanza, newest));
    findings.extend(grade(subject, stanza, storage, newest));
    findings
}

/// Warns beyond the limit, and fails beyond twice the limit.
fn age(
    subject: &Subject,
    check: &'static Check,
    entry: &BackupEntry,
    now: u64,
    (limit, mend): (Duration, String),
) -> Finding {
    let age = now.saturating_sub(entry.timestamp_stop);
    let seen = format!("{} is {} old", entry.label, time_text(age));
    let limit = limit.as_secs();
    if age > limit.saturating_mul(2) {
        subject.fail(check, seen, mend)
    } else if age > limit {
        subject.warn(check, seen, mend)
    } else {
        subject.ok(check, seen)
    }
}

/// Nothing where neither pins nor generations are used.
fn kept_longer(
    subject: &Subject,
    settings: &Settings,
    entries: &[BackupEntry],
    now: i64,
) -> Option<Finding> {
    let pinned = entries
        .iter()
        .filter(|entry| Pin::of(entry).is_some_and(|pin| pin.holds(now)))
        .count();
    let mut seen: Vec<String> = match pinned {
        0 => Vec::new(),
        1 => vec!["1 backup is pinned".to_owned()],
        more => vec![format!("{more} backups are pinned")],
    };
    let repository = settings
        .repositories
        .iter()
        .find(|repository| Some(repository.key) == subject.repo);
    for option in repository.map_or(&[][..], |repository| &repository.generations) {
        seen.push(format!("{option} is set"));
    }
    if seen.is_empty() {
        return None;
    }
    Some(subject.note(
        &KEPT_LONGER,
        seen.join("; "),
        "do not let pgBackRest run expire on this repository: its backups need --no-expire-auto",
    ))
}

/// Only for an account that may only add. Whoever keeps the repository writes the list anew each time.
fn keeper(subject: &Subject, stanza: &Stanza, storage: &dyn Storage, now: i64) -> Option<Finding> {
    if !storage.only_adds() {
        return None;
    }
    let found = match storage.info(&layout::backup_info(stanza), InfoLevel::Basic) {
        Ok(found) => found?,
        Err(error) => return Some(subject.not_tested(&KEEPER, error.to_string())),
    };
    let age = u64::try_from(now - found.modified).unwrap_or(0);
    let seen = format!("the list of backups was written {} ago", time_text(age));
    Some(match age > KEEPER_LATE {
        true => subject.warn(
            &KEEPER,
            seen,
            format!(
                "run this every day with the account that keeps the repository: {}",
                advice::pgkeep(stanza.as_str(), "expire")
            ),
        ),
        false => subject.ok(&KEEPER, seen),
    })
}

fn times(subject: &Subject, entries: &[BackupEntry], now: u64) -> Finding {
    let future = entries
        .iter()
        .filter(|entry| entry.timestamp_start > now + SKEW)
        .max_by_key(|entry| entry.timestamp_start);
    match future {
        None => subject.ok(&BACKUP_TIME, "none is of the future"),
        Some(entry) => {
            let ahead = time_text(entry.timestamp_start - now);
            subject.fail(
                &BACKUP_TIME,
                format!("{} began {ahead} from now", entry.label),
                "timedatectl set-ntp true; if the clock is right now, wait, or expire the set with --set",
            )
        }
    }
}

fn page_errors(subject: &Subject, stanza: &Stanza, newest: &BackupEntry) -> Finding {
    match newest.error {
        Some(true) => subject.fail(
            &PAGE_ERRORS,
            format!("{} has pages with wrong checksums", newest.label),
            format!(
                "see the files: {}; mend them in the cluster, then a full backup",
                advice::pgkeep(stanza.as_str(), &format!("--set={} info", newest.label))
            ),
        ),
        Some(false) => subject.ok(&PAGE_ERRORS, "none"),
        None => subject.not_tested(&PAGE_ERRORS, "checksums of pages were not looked at"),
    }
}

/// Only where a server was asked to flush; nothing for local repositories and sets of pgBackRest.
fn grade(
    subject: &Subject,
    stanza: &Stanza,
    storage: &dyn Storage,
    newest: &BackupEntry,
) -> Option<Finding> {
    let labels = std::slice::from_ref(&newest.label);
    let kept = match durability::load_many(storage, stanza, labels) {
        Ok(grades) => grades.into_iter().next().flatten()?,
        Err(error) => return Some(subject.not_tested(&DURABILITY, error.to_string())),
    };
    Some(match kept {
        Durability::Trusted => subject.note(
            &DURABILITY,
            "trusted: the server cannot be asked",
            "an SFTP server with fsync@openssh.com (OpenSSH 6.5 or later); see pgkeep sftp-probe",
        ),
        kept => subject.ok(&DURABILITY, kept.name()),
    })
}
