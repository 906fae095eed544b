//! Files that are locked against removal, and what the service says of them.

use super::*;
use crate::protection::{KeptUntil, Lock, LockMode};

/// A container whose blobs are locked for 30 days, one request at a time.
fn locked(server: &Scripted, mode: LockMode) -> Box<dyn Storage> {
    let mut settings = settings(server, shared());
    settings.chunk_size = 10;
    settings.http.requests = 1;
    settings.objects.byte_budget = 10;
    settings.objects.lock = Some(Lock { mode, days: 30 });
    boxed(settings)
}

const UNTIL: &str = "x-ms-immutability-policy-until-date: Mon, 28 Dec 2026 22:00:00 GMT\r\n";

#[test]
fn a_new_blob_asks_for_its_lock_and_so_does_a_list_of_blocks() {
    for (mode, name) in [
        (
            LockMode::Compliance,
            "x-ms-immutability-policy-mode: Locked\r\n",
        ),
        (
            LockMode::Governance,
            "x-ms-immutability-policy-mode: Unlocked\r\n",
        ),
    ] {
        let server = Scripted::start([created(), created(), created(), created()]);
        let storage = locked(&server, mode);
        write(&*storage, 3).unwrap();
        write(&*storage, 20).unwrap();
        let heads = server.asked();
        for head in [&heads[0], &heads[3]] {
            assert!(head.contains(name) && head.contains(UNTIL), "{head}");
        }
        for head in &heads[1..3] {
            assert!(
                !head.contains("immutability"),
                "blocks have no lock: {head}"
            );
        }
    }
    // Without the option nothing is asked for.
    let server = Scripted::start([created()]);
    write(&*storage(&server), 3).unwrap();
    assert!(!server.asked()[0].contains("immutability"));
}

#[test]
fn a_lock_that_is_refused_is_told_with_what_it_needs() {
    let server = Scripted::start([refused("409 Conflict", "FeatureNotEnabled")]);
    let error = write(&*locked(&server, LockMode::Compliance), 3).unwrap_err();
    assert!(
        error.hints[0].contains("version-level immutability"),
        "{error:?}"
    );
    let missing = || refused("403 Forbidden", "AuthorizationPermissionMismatch");
    let server = Scripted::start([missing()]);
    let mut sas = settings(&server, Access::Sas("sv=1&sig=x".into()));
    sas.objects.lock = Some(Lock {
        mode: LockMode::Compliance,
        days: 1,
    });
    let error = write(&*boxed(sas), 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(
        error.hints[0].contains("immutable storage (i)"),
        "{error:?}"
    );
}

fn head_of(headers: &'static str) -> Reply {
    Reply::Answer("200 OK", headers, Vec::new())
}

#[test]
fn how_long_a_blob_is_locked_is_read_from_its_head() {
    let path = [StoragePath::new("a")];
    for (reply, expected) in [
        (head_of(UNTIL), Some(KeptUntil::Time(NOW + 30 * 86_400))),
        (
            head_of("x-ms-immutability-policy-until-date: Sat, 28 Nov 2026 21:59:59 GMT\r\n"),
            None,
        ),
        (head_of("x-ms-legal-hold: true\r\n"), Some(KeptUntil::Hold)),
        (head_of("x-ms-legal-hold: false\r\n"), None),
        (head_of(""), None),
        (refused("404 Not Found", "BlobNotFound"), None),
    ] {
        let server = Scripted::start([reply]);
        let storage = locked(&server, LockMode::Compliance);
        let kept = storage.as_protection().unwrap().kept_until(&path).unwrap();
        assert_eq!(kept, [expected]);
        assert_eq!(lines(&server), ["HEAD /box/a HTTP/1.1"]);
    }
    let server = Scripted::start([head_of("x-ms-immutability-policy-until-date: soon\r\n")]);
    let storage = locked(&server, LockMode::Compliance);
    let error = storage
        .as_protection()
        .unwrap()
        .kept_until(&path)
        .unwrap_err();
    assert!(
        error.to_string().contains("'soon' is not a time"),
        "{error}"
    );
}

#[test]
fn a_locked_blob_loses_only_its_name() {
    let gone = || Reply::status("202 Accepted", "");
    let immutable = || refused("409 Conflict", "BlobImmutableDueToPolicy");
    let path = [StoragePath::new("a")];
    let server = Scripted::start([immutable(), created(), Reply::ok(""), gone()]);
    let storage = locked(&server, LockMode::Compliance);
    storage.remove_files(&path).unwrap();
    assert_eq!(
        lines(&server),
        [
            "DELETE /box/a HTTP/1.1",
            "PUT /box/a HTTP/1.1",
            "DELETE /box/a?comp=immutabilityPolicies HTTP/1.1",
            "DELETE /box/a HTTP/1.1",
        ]
    );
    let put = &server.asked()[1];
    for line in [
        "content-length: 0\r\n",
        "x-ms-immutability-policy-mode: Unlocked\r\n",
        "x-ms-immutability-policy-until-date: Sat, 28 Nov 2026 22:01:00 GMT\r\n",
    ] {
        assert!(put.contains(line), "{line}:\n{put}");
    }
    // An account without versions replaces nothing that is locked: the file stays, and that is told.
    let server = Scripted::start([immutable(), immutable()]);
    let storage = locked(&server, LockMode::Compliance);
    let error = storage.remove_files(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.hints[0].contains("legal hold"), "{error:?}");
}

#[test]
fn a_container_tells_how_it_is_protected() {
    let none = || list("", "");
    for (head, versions, expected) in [
        (
            "x-ms-immutable-storage-with-versioning-enabled: true\r\n",
            None,
            (Some(true), Some(true)),
        ),
        (
            "x-ms-immutable-storage-with-versioning-enabled: false\r\n",
            Some(list("", &version("v1", "21:00:00"))),
            (Some(true), Some(false)),
        ),
        (
            "",
            Some(list("", &version("", "21:00:00"))),
            (Some(false), Some(false)),
        ),
        ("", Some(none()), (None, Some(false))),
    ] {
        let server = Scripted::start([head_of(head)].into_iter().chain(versions));
        let storage = storage(&server);
        let found = storage.as_protection().unwrap().of_bucket().unwrap();
        assert_eq!((found.versions, found.locks), expected, "{head}");
        assert_eq!(lines(&server)[0], "HEAD /box?restype=container HTTP/1.1");
    }
    // A signature for a container may not ask for it.
    let denied = || refused("403 Forbidden", "AuthorizationFailure");
    let server = Scripted::start([denied(), denied()]);
    let storage = storage(&server);
    let found = storage.as_protection().unwrap().of_bucket().unwrap();
    assert_eq!((found.versions, found.locks), (None, None));
}
