//! What somebody with the credentials of the repository could delete: whether its service keeps what is deleted.
//!
//! What a policy denies cannot be seen from here; it is said what the bucket itself keeps.

use pgkeep_storage::protection::{BucketProtection, KeptUntil, Lock, LockMode};
use pgkeep_storage::{Error, Storage};

use super::check::REMOVAL;
use super::settings::RepoSettings;
use crate::report::finding::{Finding, Subject};

const DAY: i64 = 86_400;

/// Nothing for a storage that has no such thing. `kept`: until when a file is locked that was written just now.
pub(super) fn examine(
    settings: &RepoSettings,
    subject: &Subject,
    storage: &dyn Storage,
    (kept, now): (Option<&Result<Option<KeptUntil>, Error>>, i64),
) -> Option<Finding> {
    let protection = storage.as_protection()?;
    let lock = protection.lock();
    let locked = match kept {
        Some(Err(error)) => return Some(not_told(subject, error)),
        Some(Ok(kept)) => lock.is_some_and(|lock| is_locked(lock, *kept, now)),
        None if lock.is_some() => {
            let why = "no file could be stored to see whether it is locked";
            return Some(subject.not_tested(&REMOVAL, why));
        }
        None => false,
    };
    Some(match protection.of_bucket() {
        Ok(bucket) => grade(settings, subject, lock, bucket, locked),
        Err(error) => not_told(subject, &error),
    })
}

fn not_told(subject: &Subject, error: &Error) -> Finding {
    subject.not_tested(&REMOVAL, error.to_string())
}

/// Whether a new file is locked as the options say: a service that does not know locks may take the request all the same.
fn is_locked(lock: Lock, kept: Option<KeptUntil>, now: i64) -> bool {
    // Clocks may differ, and the lock of a bucket may be longer.
    let least = now + (i64::from(lock.days) - 1) * DAY;
    match kept {
        Some(KeptUntil::Time(until)) => until >= least,
        Some(KeptUntil::Hold) => true,
        None => false,
    }
}

fn grade(
    settings: &RepoSettings,
    subject: &Subject,
    lock: Option<Lock>,
    bucket: BucketProtection,
    locked: bool,
) -> Finding {
    if let Some(lock) = lock {
        if locked {
            return subject.ok(&REMOVAL, who_can_delete(lock));
        }
        return subject.fail(
            &REMOVAL,
            format!(
                "{} is set, but a new file was not locked",
                settings.option("storage-lock")
            ),
            "use a bucket that was made with Object Lock, on a server that has it",
        );
    }
    if let Some(lock) = bucket.default_lock {
        return subject.ok(&REMOVAL, who_can_delete(lock));
    }
    let set = format!(
        "set {} and {}, in a bucket made with Object Lock",
        settings.option("storage-lock"),
        settings.option("storage-lock-days")
    );
    match bucket.versions {
        Some(true) => subject.warn(
            &REMOVAL,
            "what is deleted stays as an older version, which can be deleted too: nothing is locked",
            format!("deny s3:DeleteObjectVersion and s3:PutLifecycleConfiguration to the credentials; or {set}"),
        ),
        Some(false) => subject.warn(
            &REMOVAL,
            "who has the credentials can delete all backups for good: the bucket keeps no versions and locks nothing",
            format!("switch versioning of the bucket on; or {set}"),
        ),
        None => subject.not_tested(
            &REMOVAL,
            "the credentials may not see whether the bucket keeps versions (s3:GetBucketVersioning)",
        ),
    }
}

fn who_can_delete(lock: Lock) -> String {
    let days = lock.days;
    match lock.mode {
        LockMode::Compliance => {
            format!("nobody can delete a file for {days} days after it was written")
        }
        LockMode::Governance => format!(
            "for {days} days after a file was written only who has s3:BypassGovernanceRetention can delete it"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::Grade;

    const NOTHING: BucketProtection = BucketProtection {
        versions: Some(false),
        locks: Some(false),
        default_lock: None,
    };
    const LOCK: Lock = Lock {
        mode: LockMode::Compliance,
        days: 30,
    };

    fn graded(lock: Option<Lock>, bucket: BucketProtection, locked: bool) -> (Grade, String) {
        let settings = RepoSettings {
            key: 1,
            kind: "s3".to_owned(),
            host: None,
            overruling: Vec::new(),
            path: "/r".to_owned(),
            pass: None,
            encrypted: false,
            retention_full: None,
            retention_by_time: false,
            sftp: None,
            bucket: None,
        };
        let finding = grade(&settings, &Subject::default(), lock, bucket, locked);
        (finding.grade, finding.seen)
    }

    #[test]
    fn what_can_be_deleted_for_good_is_told() {
        let (grade, seen) = graded(Some(LOCK), NOTHING, true);
        assert_eq!(grade, Grade::Ok);
        assert!(
            seen.contains("nobody can delete a file for 30 days"),
            "{seen}"
        );
        let (grade, seen) = graded(Some(LOCK), NOTHING, false);
        assert_eq!(
            grade,
            Grade::Fail,
            "the server took the request and ignored the lock"
        );
        assert!(seen.contains("repo1-storage-lock is set"), "{seen}");
        let bucket = BucketProtection {
            default_lock: Some(Lock {
                mode: LockMode::Governance,
                ..LOCK
            }),
            ..NOTHING
        };
        let (grade, seen) = graded(None, bucket, false);
        assert_eq!(grade, Grade::Ok);
        assert!(seen.contains("s3:BypassGovernanceRetention"), "{seen}");
        assert_eq!(graded(None, NOTHING, false).0, Grade::Warn);
        let versions = |versions| BucketProtection {
            versions,
            ..NOTHING
        };
        assert_eq!(graded(None, versions(Some(true)), false).0, Grade::Warn);
        assert_eq!(graded(None, versions(None), false).0, Grade::NotTested);
    }
}
