//! Room: in repositories for what is to come, on this host for logs, spool and `pg_wal`.

use std::path::Path;

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{BackupInfo, BackupType};
use pgkeep_storage::{Space, Storage, StoragePath};

use super::check::{REPO_SPACE, RETENTION_SPACE, WAL_SPACE};
use super::settings::RepoSettings;
use crate::hosts::{PgHost, this_host};
use crate::report::check::Check;
use crate::report::finding::{Finding, Subject};
use crate::report::size_text::size_text;

/// Percent of a file system that should stay free, and below which it is about to be full.
const LITTLE: u64 = 10;
const NOTHING: u64 = 3;

fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(100)
}

fn free_text(space: Space) -> String {
    format!(
        "{} of {} free ({} %)",
        size_text(space.free),
        size_text(space.total),
        percent(space.free, space.total)
    )
}

/// Space of a directory of this host; nothing where it is missing, which other checks tell.
pub(super) fn of_directory(
    subject: &Subject,
    check: &'static Check,
    path: &Path,
) -> Option<Finding> {
    let space = this_host::directory(path)
        .space(&StoragePath::root())
        .ok()
        .flatten()?;
    Some(grade_space(
        subject,
        check,
        space,
        format!("make room in {}", path.display()),
    ))
}

pub(super) fn of_wal(subject: &Subject, host: &dyn PgHost) -> Option<Finding> {
    let space = host.space(&StoragePath::from("pg_wal")).ok().flatten()?;
    let mend = "make room, but remove nothing from pg_wal: mend archiving, look for replication slots that hold WAL";
    Some(grade_space(subject, &WAL_SPACE, space, mend.to_owned()))
}

fn grade_space(subject: &Subject, check: &'static Check, space: Space, mend: String) -> Finding {
    let seen = free_text(space);
    if space.read_only {
        return subject.fail(check, format!("mounted read-only; {seen}"), mend);
    }
    // Some file systems do not count files.
    let files = match space.files {
        0 => 100,
        files => percent(space.files_free, files),
    };
    let left = percent(space.free, space.total).min(files);
    let seen = if files < LITTLE {
        format!("{seen}; only {} more files fit", space.files_free)
    } else {
        seen
    };
    match left {
        ..NOTHING => subject.fail(check, seen, mend),
        NOTHING..LITTLE => subject.warn(check, seen, mend),
        _ => subject.ok(check, seen),
    }
}

pub(super) fn of_repository(
    subject: &Subject,
    settings: &RepoSettings,
    info: &BackupInfo,
    space: Space,
) -> Vec<Finding> {
    let fulls: Vec<&BackupEntry> = info
        .entries()
        .iter()
        .filter(|entry| entry.backup_type == BackupType::Full)
        .collect();
    let mend = format!("make room, or lower {}", settings.option("retention-full"));
    let Some(newest) = fulls.iter().max_by_key(|entry| entry.timestamp_stop) else {
        return vec![grade_space(subject, &REPO_SPACE, space, mend)];
    };
    let next = newest.repo_size_delta;
    let mut findings = vec![next_full(subject, space, next, &mend)];
    // By time, how many there will be is not known.
    if let Some(keep) = settings
        .retention_full
        .filter(|_| !settings.retention_by_time)
    {
        let have = u64::try_from(fulls.len()).unwrap_or(u64::MAX);
        findings.push(kept(subject, space, next, keep.saturating_sub(have), &mend));
    }
    findings
}

/// The next full backup comes before the oldest goes.
fn next_full(subject: &Subject, space: Space, next: u64, mend: &str) -> Finding {
    let seen = format!(
        "{}; the next full backup takes {}",
        free_text(space),
        size_text(next)
    );
    if space.read_only {
        subject.fail(&REPO_SPACE, format!("mounted read-only; {seen}"), mend)
    } else if next > space.free {
        subject.fail(&REPO_SPACE, seen, mend)
    } else if next.saturating_mul(2) > space.free || percent(space.free, space.total) < NOTHING {
        subject.warn(&REPO_SPACE, seen, mend)
    } else {
        subject.ok(&REPO_SPACE, seen)
    }
}

/// `missing`: full backups that will come before the first expires; one more is there at that moment.
fn kept(subject: &Subject, space: Space, full: u64, missing: u64, mend: &str) -> Finding {
    let needed = full.saturating_mul(missing.saturating_add(1));
    let seen = format!(
        "{missing} more full backups and one on top take {}; {}",
        size_text(needed),
        free_text(space)
    );
    if needed > space.free {
        subject.warn(&RETENTION_SPACE, seen, mend)
    } else {
        subject.ok(&RETENTION_SPACE, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::Grade;

    const GIB: u64 = 1 << 30;

    fn space(free: u64) -> Space {
        Space {
            total: 100 * GIB,
            free: free * GIB,
            files: 0,
            files_free: 0,
            read_only: false,
        }
    }

    fn local(space: Space) -> Grade {
        grade_space(&Subject::default(), &WAL_SPACE, space, String::new()).grade
    }

    #[test]
    fn a_disk_warns_before_it_is_full() {
        assert_eq!(local(space(10)), Grade::Ok);
        assert_eq!(local(space(9)), Grade::Warn);
        assert_eq!(local(space(2)), Grade::Fail);
        let files = Space {
            files: 1000,
            files_free: 20,
            ..space(50)
        };
        assert_eq!(local(files), Grade::Fail);
        let read_only = Space {
            read_only: true,
            ..space(50)
        };
        assert_eq!(local(read_only), Grade::Fail);
    }

    #[test]
    fn the_next_full_backup_must_fit() {
        let grade = |free, full| next_full(&Subject::default(), space(free), full * GIB, "").grade;
        assert_eq!(grade(50, 20), Grade::Ok);
        assert_eq!(grade(30, 20), Grade::Warn);
        assert_eq!(grade(19, 20), Grade::Fail);
    }

    #[test]
    fn all_that_retention_keeps_must_fit() {
        let grade = |missing| kept(&Subject::default(), space(50), 10 * GIB, missing, "").grade;
        assert_eq!(grade(0), Grade::Ok);
        assert_eq!(grade(4), Grade::Ok);
        assert_eq!(grade(5), Grade::Warn);
    }
}
