//! Files that are locked against removal, and what the service says of them.

use super::*;
use crate::protection::{BucketProtection, KeptUntil, Lock, LockMode};

/// A bucket whose objects are kept for 30 days, one request at a time.
fn locked(server: &Scripted, mode: LockMode) -> Box<dyn Storage> {
    let mut settings = settings(server);
    settings.chunk_size = 2 * STEP;
    settings.http.requests = 1;
    settings.objects.byte_budget = 2 * STEP;
    settings.objects.lock = Some(Lock { mode, days: 30 });
    boxed(settings)
}

#[test]
fn a_new_object_asks_for_its_lock_in_both_ways_to_upload() {
    for (mode, name) in [
        (LockMode::Compliance, "Locked"),
        (LockMode::Governance, "Unlocked"),
    ] {
        let size = 2 * STEP + 1;
        let server = Scripted::start([
            stored(3),
            started(),
            has("range: bytes=0-524287\r\n"),
            stored(size),
        ]);
        let storage = locked(&server, mode);
        write(&*storage, 3).unwrap();
        write(&*storage, size).unwrap();
        let retention =
            format!(r#""retention":{{"mode":"{name}","retainUntilTime":"2026-12-28T22:00:00Z"}}"#);
        let bodies = server.bodies();
        for at in [0, 1] {
            let body = String::from_utf8_lossy(&bodies[at]);
            assert!(body.contains(&retention), "{body}");
        }
    }
    let server = Scripted::start([stored(3)]);
    write(&*storage(&server), 3).unwrap();
    let bodies = server.bodies();
    assert!(!String::from_utf8_lossy(&bodies[0]).contains("retention"));
}

#[test]
fn a_lock_that_is_refused_is_told_with_what_it_needs() {
    for (reply, kind, hint) in [
        (
            refused("400 Bad Request", "invalid", "retention is not enabled"),
            ErrorKind::Broken,
            "object retention enabled and Object Versioning",
        ),
        (
            refused("403 Forbidden", "forbidden", "no"),
            ErrorKind::Denied,
            "storage.objects.setRetention",
        ),
        (
            refused("403 Forbidden", "retentionPolicyNotMet", "kept"),
            ErrorKind::Denied,
            "Object Versioning: elsewhere",
        ),
    ] {
        let server = Scripted::start([reply]);
        let error = write(&*locked(&server, LockMode::Compliance), 3).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(
            error.hints.iter().any(|own| own.contains(hint)),
            "{error:?}"
        );
    }
    // Nor is any of it said where no lock was asked for.
    let server = Scripted::start([refused("403 Forbidden", "forbidden", "no")]);
    let error = write(&*storage(&server), 3).unwrap_err();
    assert!(!format!("{error:?}").contains("setRetention"), "{error:?}");
}

#[test]
fn how_long_an_object_is_kept_is_asked_for() {
    let path = [StoragePath::new("a")];
    let until = KeptUntil::Time(NOW + 30 * 86_400);
    for (body, expected) in [
        (
            r#"{"retention":{"mode":"Locked","retainUntilTime":"2026-12-28T22:00:00Z"}}"#,
            Some(until),
        ),
        (
            r#"{"retention":{"mode":"Locked","retainUntilTime":"2026-11-28T21:59:59Z"}}"#,
            None,
        ),
        // The bucket asks for longer than the object.
        (
            r#"{"retention":{"retainUntilTime":"2026-11-29T00:00:00Z"},"retentionExpirationTime":"2026-12-28T22:00:00Z"}"#,
            Some(until),
        ),
        (r#"{"temporaryHold":true}"#, Some(KeptUntil::Hold)),
        (r#"{"eventBasedHold":true}"#, Some(KeptUntil::Hold)),
        (r#"{"temporaryHold":false}"#, None),
        ("{}", None),
    ] {
        let server = Scripted::start([Reply::ok(body)]);
        let storage = locked(&server, LockMode::Compliance);
        let kept = storage.as_protection().unwrap().kept_until(&path).unwrap();
        assert_eq!(kept, [expected], "{body}");
        let line = "GET /storage/v1/b/bucket/o/a?fields=eventBasedHold%2Cretention%2CretentionExpirationTime%2CtemporaryHold HTTP/1.1\r\n";
        assert!(server.asked()[0].starts_with(line), "{}", server.asked()[0]);
    }
    for body in ["secret", r#"{"retention":{"retainUntilTime":"soon"}}"#] {
        let server = Scripted::start([Reply::ok(body)]);
        let storage = locked(&server, LockMode::Compliance);
        let kept = storage.as_protection().unwrap().kept_until(&path);
        assert_eq!(kept.unwrap_err().kind(), ErrorKind::Broken, "{body}");
    }
    let server = Scripted::start([refused("404 Not Found", "notFound", "No such object")]);
    let storage = locked(&server, LockMode::Compliance);
    let kept = storage.as_protection().unwrap().kept_until(&path).unwrap();
    assert_eq!(kept, [None]);
}

#[test]
fn a_bucket_tells_how_it_is_protected() {
    let policy = |mode, days| Some(Lock { mode, days });
    for (body, versions, locks, default_lock) in [
        ("{}", Some(false), Some(false), None),
        (
            r#"{"versioning":{"enabled":true},"objectRetention":{"mode":"Enabled"}}"#,
            Some(true),
            Some(true),
            None,
        ),
        (
            r#"{"retentionPolicy":{"retentionPeriod":"604800","isLocked":true}}"#,
            Some(false),
            Some(false),
            policy(LockMode::Compliance, 7),
        ),
        (
            r#"{"retentionPolicy":{"retentionPeriod":"604800"}}"#,
            Some(false),
            Some(false),
            policy(LockMode::Governance, 7),
        ),
        (
            r#"{"retentionPolicy":{"retentionPeriod":"10"}}"#,
            Some(false),
            Some(false),
            None,
        ),
    ] {
        let server = Scripted::start([Reply::ok(body)]);
        let storage = storage(&server);
        let found = storage.as_protection().unwrap().of_bucket().unwrap();
        let expected = BucketProtection {
            versions,
            locks,
            default_lock,
        };
        assert_eq!(found, expected, "{body}");
    }
    let server = Scripted::start([refused("403 Forbidden", "forbidden", "no")]);
    let storage = storage(&server);
    let found = storage.as_protection().unwrap().of_bucket().unwrap();
    assert_eq!((found.versions, found.locks), (None, None));
}
