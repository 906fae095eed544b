//! Object Lock: what is written is locked, a version of it cannot be removed, and the bucket tells what is set for it.

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::protection::{BucketProtection, KeptUntil, Lock, LockMode};
use pgkeep_storage::{InfoLevel, Removed, Storage, StoragePath, WriteOptions};
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, seconds, settings, storage};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test(
            "what_is_written_is_locked_and_can_still_be_replaced",
            locked,
        )
        .test("a_bucket_tells_how_it_is_protected", told)
}

/// A bucket whose objects can be locked; such a bucket keeps versions.
const LOCKED: &str = "locked";

fn lockable(server: &ObjectServer) -> TestResult {
    let header = "x-amz-bucket-object-lock-enabled: true\r\n";
    server.send("PUT", &format!("/{LOCKED}"), header, "")?;
    Ok(())
}

const DAYS: u32 = 30;

fn open_locked(server: &ObjectServer, mode: LockMode) -> pgkeep_storage::Result<Box<dyn Storage>> {
    let mut settings = settings(server);
    settings.bucket = LOCKED.to_owned();
    settings.objects.root = "/r".to_owned();
    settings.objects.lock = Some(Lock { mode, days: DAYS });
    open_boxed(settings)
}

fn kept_until(
    storage: &dyn Storage,
    paths: &[&str],
) -> pgkeep_storage::Result<Vec<Option<KeptUntil>>> {
    let paths: Vec<StoragePath> = paths.iter().map(StoragePath::new).collect();
    let protection = storage.as_protection().expect("a bucket has it");
    protection.kept_until(&paths)
}

fn locked() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    lockable(&server)?;
    for (mode, name) in [
        (LockMode::Governance, "GOVERNANCE"),
        (LockMode::Compliance, "COMPLIANCE"),
    ] {
        let storage = open_locked(&server, mode)?;
        let before = seconds();
        // moto takes no lock for uploads in parts; a unit test looks at their requests.
        for file in ["", "small"] {
            let content = bytes(1, file.len());
            let file = format!("{name}/file-{file}");
            let path = StoragePath::new(&file);
            write_all(&*storage, &path, &WriteOptions::default(), &content)?;
            let head = server
                .ask("HEAD", &format!("/{LOCKED}/r/{file}"))?
                .to_lowercase();
            let mode = format!("x-amz-object-lock-mode: {}", name.to_lowercase());
            assert!(head.contains(&mode), "{head}");
            let kept = kept_until(&*storage, &[&file, "missing"])?;
            let Some(KeptUntil::Time(until)) = kept[0] else {
                return Err(format!("{file} is not locked: {kept:?}").into());
            };
            let period = i64::from(DAYS) * 86_400;
            assert!(
                (before + period..=seconds() + period).contains(&until),
                "{until}"
            );
            assert_eq!(kept[1], None, "a file that is not there");
            // Info files are replaced: each version is locked, and the next one can be written.
            write_all(&*storage, &path, &WriteOptions::default(), b"new")?;
            assert_eq!(
                read_all(&*storage, &path, 10)?.as_deref(),
                Some(&b"new"[..])
            );

            // Who has the key can hide the file, and cannot remove what was written.
            let version = version_of(&head)?;
            let removed = server.ask("DELETE", &format!("/{LOCKED}/r/{file}?versionId={version}"));
            let text = removed
                .expect_err("a locked version was removed")
                .to_string();
            assert!(text.contains("AccessDenied"), "{text}");
            assert_eq!(storage.remove(&path)?, Removed::Removed);
            assert_eq!(storage.info(&path, InfoLevel::Basic)?, None);
            let found = server.ask("GET", &format!("/{LOCKED}/r/{file}?versionId={version}"))?;
            assert!(found.contains("200 OK"), "it is still there");
        }
    }
    // A hold ends when somebody ends it.
    let storage = open_locked(&server, LockMode::Governance)?;
    write_all(
        &*storage,
        &StoragePath::new("held"),
        &WriteOptions::default(),
        b"x",
    )?;
    let hold = "<LegalHold><Status>ON</Status></LegalHold>";
    server.send("PUT", &format!("/{LOCKED}/r/held?legal-hold"), "", hold)?;
    assert_eq!(kept_until(&*storage, &["held"])?, [Some(KeptUntil::Hold)]);
    // What was written before there was a lock in the settings.
    server.send("PUT", &format!("/{LOCKED}/r/plain"), "", "x")?;
    assert_eq!(kept_until(&*storage, &["plain"])?, [None]);
    Ok(())
}

fn version_of(head: &str) -> Result<String, Box<dyn std::error::Error>> {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("x-amz-version-id: "));
    Ok(line
        .ok_or(format!("no version in {head}"))?
        .trim()
        .to_owned())
}

fn told() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    lockable(&server)?;
    let ask = |storage: &dyn Storage| {
        storage
            .as_protection()
            .expect("a bucket has it")
            .of_bucket()
    };
    let plain = storage(&server, "/r")?;
    let nothing = BucketProtection {
        versions: Some(false),
        locks: Some(false),
        default_lock: None,
    };
    assert_eq!(ask(&*plain)?, nothing);
    crate::versions::keep_versions(&server)?;
    assert_eq!(
        ask(&*plain)?,
        BucketProtection {
            versions: Some(true),
            ..nothing
        }
    );
    let lockable = open_locked(&server, LockMode::Governance)?;
    let found = BucketProtection {
        versions: Some(true),
        locks: Some(true),
        default_lock: None,
    };
    assert_eq!(ask(&*lockable)?, found);
    let rule = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
        <Mode>COMPLIANCE</Mode><Days>7</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    server.send("PUT", &format!("/{LOCKED}?object-lock"), "", rule)?;
    let lock = Lock {
        mode: LockMode::Compliance,
        days: 7,
    };
    assert_eq!(
        ask(&*lockable)?,
        BucketProtection {
            default_lock: Some(lock),
            ..found
        }
    );
    // A server that knows none of this.
    let server = ObjectServer::start(Kind::S3s)?;
    assert_eq!(ask(&*storage(&server, "/r")?)?, nothing);
    Ok(())
}
