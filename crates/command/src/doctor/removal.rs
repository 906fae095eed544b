//! What somebody with the credentials of the repository could delete: whether its service keeps what is deleted.
//!
//! What a policy denies cannot be seen from here; it is said what the bucket itself keeps.

use pgkeep_storage::protection::{BucketProtection, KeptUntil, Lock, LockMode};
use pgkeep_storage::{Error, Storage};

use super::bucket::Store;
use super::check::REMOVAL;
use super::lock_words::LockWords;
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
    let words = settings.bucket.as_ref().map(|bucket| bucket.store);
    let words = LockWords::of(words.unwrap_or(Store::S3));
    let option = settings.option("storage-lock");
    if let Some(lock) = lock {
        let place = words.place;
        if !locked {
            return subject.fail(
                &REMOVAL,
                format!("{option} is set, but a new file was not locked"),
                format!("use {place}, on a server that has it"),
            );
        }
        if bucket.versions == Some(false) {
            return subject.fail(
                &REMOVAL,
                format!("{option} is set, but the bucket keeps no versions: no locked file can be replaced"),
                format!("use {place}"),
            );
        }
        if words.ended_by_writers && lock.mode == LockMode::Governance {
            return subject.warn(
                &REMOVAL,
                format!(
                    "who has the credentials can end the locks of files, and delete them then ({})",
                    words.bypass
                ),
                format!("{option}=compliance"),
            );
        }
        return subject.ok(&REMOVAL, who_can_delete(&words, lock));
    }
    if let Some(lock) = bucket.default_lock {
        return subject.ok(&REMOVAL, who_can_delete(&words, lock));
    }
    let set = format!(
        "set {option} and {}, in {}",
        settings.option("storage-lock-days"),
        words.place
    );
    match bucket.versions {
        Some(true) => subject.warn(
            &REMOVAL,
            "what is deleted stays as an older version, which can be deleted too: nothing is locked",
            match words.keep_versions {
                Some(deny) => format!("{deny}; or {set}"),
                None => set,
            },
        ),
        Some(false) => subject.warn(
            &REMOVAL,
            "who has the credentials can delete all backups for good: the bucket keeps no versions and locks nothing",
            format!("switch versioning of the bucket on; or {set}"),
        ),
        None => subject.not_tested(
            &REMOVAL,
            format!(
                "the credentials may not see whether the bucket keeps versions ({})",
                words.see_versions
            ),
        ),
    }
}

fn who_can_delete(words: &LockWords, lock: Lock) -> String {
    let days = lock.days;
    match lock.mode {
        LockMode::Compliance => {
            format!("nobody can delete a file for {days} days after it was written")
        }
        LockMode::Governance => format!(
            "for {days} days after a file was written only who has {} can delete it",
            words.bypass
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::bucket::Bucket;
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
        let (grade, seen, _) = graded_in(Store::S3, lock, bucket, locked);
        (grade, seen)
    }

    fn graded_in(
        store: Store,
        lock: Option<Lock>,
        bucket: BucketProtection,
        locked: bool,
    ) -> (Grade, String, String) {
        let of = Bucket {
            store,
            name: "b".to_owned(),
            http: None,
            tags: false,
            kms: false,
            lock: lock.is_some(),
        };
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
            generations: Vec::new(),
            sftp: None,
            bucket: Some(of),
        };
        let finding = grade(&settings, &Subject::default(), lock, bucket, locked);
        (finding.grade, finding.seen, finding.mend)
    }

    #[test]
    fn each_store_has_its_own_words() {
        let kept = BucketProtection {
            versions: Some(true),
            locks: Some(true),
            default_lock: None,
        };
        let governance = Lock {
            mode: LockMode::Governance,
            ..LOCK
        };
        let (grade, seen, _) = graded_in(Store::Gcs, Some(governance), kept, true);
        assert_eq!(grade, Grade::Ok);
        assert!(seen.contains("overrideUnlockedRetention"), "{seen}");
        // There who may lock a file may end the lock.
        let (grade, seen, mend) = graded_in(Store::Azure, Some(governance), kept, true);
        assert_eq!(grade, Grade::Warn, "{seen}");
        assert_eq!(mend, "repo1-storage-lock=compliance");
        assert_eq!(graded_in(Store::Azure, Some(LOCK), kept, true).0, Grade::Ok);
        for (store, place) in [
            (Store::Azure, "version-level immutability"),
            (Store::Gcs, "object retention enabled"),
        ] {
            let (grade, _, mend) = graded_in(store, Some(LOCK), kept, false);
            assert_eq!(grade, Grade::Fail);
            assert!(mend.contains(place), "{mend}");
            let (grade, _, mend) = graded_in(store, None, kept, false);
            assert_eq!(grade, Grade::Warn);
            assert!(mend.contains(place) && !mend.contains("s3:"), "{mend}");
        }
    }

    #[test]
    fn what_can_be_deleted_for_good_is_told() {
        let kept = BucketProtection {
            versions: Some(true),
            ..NOTHING
        };
        assert_eq!(
            graded(Some(LOCK), NOTHING, true).0,
            Grade::Fail,
            "info files cannot be replaced"
        );
        let (grade, seen) = graded(Some(LOCK), kept, true);
        assert_eq!(grade, Grade::Ok);
        assert!(
            seen.contains("nobody can delete a file for 30 days"),
            "{seen}"
        );
        let (grade, seen) = graded(Some(LOCK), kept, false);
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
