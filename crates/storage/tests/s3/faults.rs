//! Faults of a server, one request at a time: what passes is survived, what lasts is a clear error, nothing is half there.

use std::time::{Duration, Instant};

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::{Error, ErrorKind, ListOptions, Removed, Storage, StoragePath, WriteOptions};
use pgkeep_testkit::object_server::faults::{Fault, FaultyFront, Plan, Refusal, What};
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, settings};
use crate::uploads::uploads;

pub(crate) fn add(mut suite: Suite) -> Suite {
    for doing in DOINGS {
        suite = suite.test(
            format!("a_fault_that_passes_does_not_end_{}", doing.name),
            move || passing(doing),
        );
    }
    suite
        .test("a_fault_that_lasts_is_a_clear_error", lasting)
        .test(
            "an_error_inside_a_good_answer_ends_the_upload",
            error_inside,
        )
        .test("keys_that_stay_are_named_with_the_reason", denied_key)
        .test("a_wrong_clock_of_the_server_is_followed", skewed)
        .test("a_slow_answer_is_waited_for_while_it_moves", slow)
        .test("a_stalled_server_is_given_up_within_its_time", stalled)
        .test("an_answer_that_is_too_short_is_noticed", shortened)
        .test(
            "an_upload_that_cannot_be_ended_is_left_to_expire",
            cannot_abort,
        )
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Something that callers do, and the requests it is made of.
struct Doing {
    name: &'static str,
    requests: &'static [What],
    run: fn(&dyn Storage) -> Outcome,
}

const DOINGS: [&Doing; 4] = [
    &Doing {
        name: "reading",
        requests: &[What::Head, What::Get, What::List],
        run: look,
    },
    &Doing {
        name: "writing_a_small_file",
        requests: &[What::Put],
        run: |storage| put(storage, "new", 100),
    },
    &Doing {
        name: "writing_a_large_file",
        requests: &[What::Start, What::Part, What::Complete],
        run: |storage| put(storage, "new", LARGE),
    },
    &Doing {
        name: "removing",
        requests: &[What::RemoveMany, What::Remove, What::Uploads, What::Abort],
        run: remove,
    },
];

/// Two parts.
const LARGE: usize = (5 << 20) + 100;

fn look(storage: &dyn Storage) -> Outcome {
    let path = StoragePath::new("dir/a");
    let info = storage.info(&path, pgkeep_storage::InfoLevel::Basic)?;
    assert_eq!(info.map(|info| info.size), Some(1000));
    assert_eq!(read_all(storage, &path, 1 << 20)?, Some(bytes(7, 1000)));
    let found = storage.list(&StoragePath::new("dir"), &ListOptions::default())?;
    assert_eq!(found.map(|found| found.len()), Some(3));
    Ok(())
}

fn put(storage: &dyn Storage, name: &str, size: usize) -> Outcome {
    let (path, content) = (StoragePath::new(name), bytes(9, size));
    write_all(storage, &path, &WriteOptions::default(), &content)?;
    assert!(read_all(storage, &path, 1 << 30)? == Some(content));
    Ok(())
}

fn remove(storage: &dyn Storage) -> Outcome {
    let [a, b, c] = ["dir/a", "dir/b", "dir/c"].map(StoragePath::new);
    assert_eq!(storage.remove_many(&[a, b])?, [Removed::Removed; 2]);
    assert_eq!(storage.remove(&c)?, Removed::Removed);
    storage.remove_left_overs(&StoragePath::root(), true)?;
    assert_eq!(
        storage.list(&StoragePath::root(), &ListOptions::default())?,
        Some(vec![])
    );
    Ok(())
}

/// A server, a front and the way over it.
struct Stage {
    server: ObjectServer,
    front: FaultyFront,
}

impl Stage {
    fn new() -> pgkeep_testkit::Result<Self> {
        let server = ObjectServer::start(Kind::Moto)?;
        let front = server.with_faults(Plan::none())?;
        Ok(Self { server, front })
    }

    /// Three files, and an upload that somebody left.
    fn fill(&self) -> Outcome {
        self.front.plan(Plan::none());
        let storage = self.storage(Duration::from_secs(30))?;
        for name in ["a", "b", "c"] {
            let path = StoragePath::new(format!("dir/{name}"));
            write_all(&*storage, &path, &WriteOptions::default(), &bytes(7, 1000))?;
        }
        storage.remove(&StoragePath::new("new"))?;
        if uploads(&self.server)? == 0 {
            self.server.ask("POST", "/pgb/dir/left?uploads")?;
        }
        Ok(())
    }

    fn storage(&self, patience: Duration) -> pgkeep_storage::Result<Box<dyn Storage>> {
        let mut settings = settings(&self.server);
        settings.http.server.port = Some(self.front.address().port());
        settings.http.io_timeout = patience;
        open_boxed(settings)
    }

    /// Faults from now on, counted from here.
    fn with(&self, plan: Plan) {
        self.front.forget_counts();
        self.front.plan(plan);
    }
}

fn asks(
    what: What,
) -> impl Fn(&pgkeep_testkit::object_server::faults::Asked) -> bool + Send + Sync {
    move |asked| asked.what == what
}

/// Faults after which another try is good.
fn faults_that_pass(what: What) -> Vec<Fault> {
    let mut faults: Vec<Fault> = [
        Refusal::s3(500, "InternalError"),
        Refusal::s3(503, "SlowDown"),
        Refusal::s3(429, "TooManyRequests"),
        Refusal::s3(400, "RequestTimeout"),
        Refusal::new(502, "<html>a gateway</html>"),
    ]
    .into_iter()
    .map(Fault::from)
    .collect();
    if what == What::Head {
        // The answer to it has no body, so no code, and 400 alone says nothing.
        faults.remove(3);
    }
    if matches!(what, What::Complete | What::RemoveMany) {
        faults.push(Refusal::s3(200, "InternalError").into());
    }
    faults.extend([
        Fault::ResetBefore,
        Fault::ResetWithin,
        Fault::LoseAnswer,
        Fault::ResetWithinAnswer,
        Fault::TruncateAnswer,
    ]);
    faults
}

fn passing(doing: &Doing) -> TestResult {
    let stage = Stage::new()?;
    for what in doing.requests {
        for fault in faults_that_pass(*what) {
            let case = format!("{what:?} with {fault:?}");
            stage.fill()?;
            stage.with(Plan::none().nth(1, asks(*what), fault));
            // One connection after the other, so that a request meets its fault on one that was used before, too.
            let storage = stage.storage(Duration::from_secs(30))?;
            (doing.run)(&*storage).map_err(|error| format!("{case}: {error}"))?;
            assert_eq!(stage.front.struck().len(), 1, "{case}");
            // A lost answer to the beginning of an upload leaves one that nobody knows: expire finds it.
            let begun = stage.front.requests(What::Start);
            storage.remove_left_overs(&StoragePath::root(), true)?;
            assert_eq!(uploads(&stage.server)?, 0, "{case}, {begun} begun");
        }
    }
    Ok(())
}

struct Lasting {
    refusal: Refusal,
    kind: ErrorKind,
    /// In the error.
    says: &'static str,
    hint: Option<&'static str>,
    /// Whether the same is asked again.
    repeated: bool,
}

fn lasting_faults() -> Vec<Lasting> {
    let case = |status, code: &str, kind, says, hint, repeated| Lasting {
        refusal: Refusal::s3(status, code),
        kind,
        says,
        hint,
        repeated,
    };
    use ErrorKind::{Broken, Busy, Denied, Identity, Unsupported};
    let region = Some("repo-s3-region");
    let mut cases = vec![
        case(
            500,
            "InternalError",
            Busy,
            "500 (Internal Server Error)",
            None,
            true,
        ),
        case(
            503,
            "SlowDown",
            Busy,
            "503 (Service Unavailable)",
            None,
            true,
        ),
        case(
            429,
            "TooManyRequests",
            Busy,
            "429 (Too Many Requests)",
            None,
            true,
        ),
        case(
            400,
            "ExpiredToken",
            Identity,
            "ExpiredToken",
            Some("repo-s3-token"),
            false,
        ),
        case(
            403,
            "RequestTimeTooSkewed",
            Identity,
            "RequestTimeTooSkewed",
            Some("clock"),
            false,
        ),
        case(
            301,
            "PermanentRedirect",
            Broken,
            "PermanentRedirect",
            region,
            false,
        ),
        case(
            400,
            "AuthorizationHeaderMalformed",
            Broken,
            "Malformed",
            region,
            false,
        ),
        case(
            404,
            "NoSuchBucket",
            Broken,
            "NoSuchBucket",
            Some("repo-s3-bucket"),
            false,
        ),
        case(403, "AccessDenied", Denied, "AccessDenied", None, false),
        case(
            501,
            "NotImplemented",
            Unsupported,
            "NotImplemented",
            None,
            false,
        ),
    ];
    // A server that tells where the bucket is.
    cases[5].refusal = cases[5]
        .refusal
        .clone()
        .header("x-amz-bucket-region", "eu-west-1");
    cases
}

fn lasting() -> TestResult {
    let stage = Stage::new()?;
    stage.fill()?;
    let before = files(&stage)?;
    for fault in lasting_faults() {
        for what in [
            What::Get,
            What::List,
            What::Put,
            What::Start,
            What::Part,
            What::Complete,
            What::RemoveMany,
        ] {
            let case = format!("{what:?} with {:?}", fault.refusal);
            stage.with(Plan::none().from(1, asks(what), fault.refusal.clone()));
            let patience = Duration::from_millis(400);
            let storage = stage.storage(patience)?;
            let began = Instant::now();
            let outcome = match what {
                What::Get | What::List => look(&*storage),
                What::Put => put(&*storage, "new", 100),
                What::RemoveMany => remove(&*storage),
                _ => put(&*storage, "new", LARGE),
            };
            let took = began.elapsed();
            if fault.kind == ErrorKind::Unsupported && what == What::RemoveMany {
                // Such a server is asked for each file.
                outcome.map_err(|error| format!("{case}: {error}"))?;
                stage.fill()?;
                continue;
            }
            let error = match outcome {
                Err(error) => *error
                    .downcast::<Error>()
                    .map_err(|error| format!("{case}: {error}"))?,
                Ok(()) => return Err(format!("{case}: no error").into()),
            };
            let text = error.to_string();
            assert_eq!(error.kind(), fault.kind, "{case}: {text}");
            assert!(text.contains(fault.says), "{case}: {text}");
            let object = match what {
                What::List => "/pgb",
                What::Get | What::RemoveMany => "/dir/a",
                _ => "/new",
            };
            assert!(
                text.contains(object) && text.contains("/pgb"),
                "{case}: {text}"
            );
            assert!(!text.contains("test/secret"), "{case}: {text}");
            let hints = error.hints.join("\n");
            assert_eq!(fault.hint.is_some(), !hints.is_empty(), "{case}: {hints}");
            assert!(
                hints.contains(fault.hint.unwrap_or_default()),
                "{case}: {hints}"
            );
            let asked = stage.front.requests(what);
            if fault.repeated {
                assert!(asked > 2, "{case}: {asked} requests");
                assert!(text.contains("retries"), "{case}: {text}");
            } else {
                // Parts are under way together.
                assert!(asked <= 2, "{case}: {asked} requests");
            }
            assert!(
                took < 6 * patience + Duration::from_secs(3),
                "{case}: {took:?}"
            );
            drop(storage);
            stage.front.plan(Plan::none());
            assert_eq!(
                files(&stage)?,
                before,
                "{case}: nothing came and nothing went"
            );
            assert_eq!(
                uploads(&stage.server)?,
                1,
                "{case}: only the one that was there"
            );
        }
    }
    Ok(())
}

fn files(stage: &Stage) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let storage = stage.storage(Duration::from_secs(30))?;
    let mut found = Vec::new();
    let options = ListOptions {
        sort: true,
        ..ListOptions::default()
    };
    storage.list_tree(&StoragePath::root(), &options, &mut |entry| {
        found.push(format!("{} {}", entry.name, entry.size));
        Ok(())
    })?;
    Ok(found)
}

fn error_inside() -> TestResult {
    let stage = Stage::new()?;
    let storage = stage.storage(Duration::from_millis(300))?;
    let path = StoragePath::new("file");
    write_all(&*storage, &path, &WriteOptions::default(), b"before")?;
    for (code, repeated) in [
        ("InternalError", true),
        ("AccessDenied", false),
        ("InvalidPart", false),
    ] {
        stage.with(Plan::none().from(1, asks(What::Complete), Refusal::s3(200, code)));
        let written = write_all(&*storage, &path, &WriteOptions::default(), &bytes(1, LARGE));
        let error = written.err().ok_or_else(|| format!("{code}: no error"))?;
        let text = error.to_string();
        assert!(text.contains(code) && text.contains("/file"), "{text}");
        assert_eq!(stage.front.requests(What::Complete) > 1, repeated, "{code}");
        assert_eq!(
            uploads(&stage.server)?,
            0,
            "{code}: the upload was given up"
        );
        assert_eq!(
            read_all(&*storage, &path, 1 << 20)?.as_deref(),
            Some(&b"before"[..])
        );
    }
    // Neither the object nor an error: a gateway that ends early.
    for answer in ["", "<html>done</html>", "<CompleteMultipartUploadResult/>"] {
        stage.with(Plan::none().from(1, asks(What::Complete), Refusal::new(200, answer)));
        let written = write_all(&*storage, &path, &WriteOptions::default(), &bytes(1, LARGE));
        assert!(written.is_err(), "'{answer}' was taken for a success");
        assert_eq!(
            uploads(&stage.server)?,
            0,
            "'{answer}': the upload was given up"
        );
    }
    Ok(())
}

fn denied_key() -> TestResult {
    let stage = Stage::new()?;
    stage.fill()?;
    let storage = stage.storage(Duration::from_millis(300))?;
    let paths = ["dir/a", "dir/b"].map(StoragePath::new);
    let inside = |code: &str| {
        Refusal::new(
            200,
            format!(
                "<DeleteResult><Error><Key>dir/b</Key><Code>{code}</Code><Message>no</Message></Error></DeleteResult>"
            ),
        )
    };
    // The server may stumble over one key of many: it is asked again for that one.
    stage.with(Plan::none().nth(1, asks(What::RemoveMany), inside("InternalError")));
    assert_eq!(storage.remove_many(&paths)?, [Removed::Removed; 2]);
    assert_eq!(stage.front.requests(What::Remove), 1);
    stage.fill()?;
    stage.with(
        Plan::none()
            .from(1, asks(What::RemoveMany), inside("AccessDenied"))
            .from(1, asks(What::Remove), Refusal::s3(403, "AccessDenied")),
    );
    let error = storage.remove_many(&paths).err().ok_or("no error")?;
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("/dir/b"), "{error}");
    Ok(())
}

fn skewed() -> TestResult {
    let stage = Stage::new()?;
    stage.fill()?;
    // An hour ahead of 2100: what is signed next has that time.
    let skewed =
        Refusal::s3(403, "RequestTimeTooSkewed").header("date", "Fri, 01 Jan 2100 01:00:00 GMT");
    stage.with(Plan::none().nth(1, |_| true, skewed.clone()));
    look(&*stage.storage(Duration::from_millis(300))?)?;
    // A server that is never content is not asked for ever.
    stage.with(Plan::none().from(1, |_| true, skewed));
    assert!(look(&*stage.storage(Duration::from_millis(300))?).is_err());
    assert!(
        stage.front.all_requests() <= 3,
        "{:?}",
        stage.front.counts()
    );
    Ok(())
}

fn slow() -> TestResult {
    let stage = Stage::new()?;
    stage.fill()?;
    let patience = Duration::from_millis(600);
    // In all twice as long as a server may be silent.
    let slow = Fault::SlowAnswer(8, patience / 4);
    stage.with(Plan::none().first(1, asks(What::Get), slow));
    let began = Instant::now();
    look(&*stage.storage(patience)?)?;
    assert!(began.elapsed() > patience, "it was slow");
    assert_eq!(
        stage.front.requests(What::Get),
        1,
        "and was not asked again"
    );
    Ok(())
}

fn stalled() -> TestResult {
    let stage = Stage::new()?;
    stage.fill()?;
    let patience = Duration::from_millis(400);
    for fault in [Fault::Stall, Fault::StallWithinAnswer] {
        // Once: the next try is good.
        stage.with(Plan::none().nth(1, asks(What::Get), fault.clone()));
        look(&*stage.storage(patience)?)?;
        assert_eq!(stage.front.struck().len(), 1);
        stage.with(Plan::none().from(1, asks(What::Get), fault));
        let began = Instant::now();
        let error = look(&*stage.storage(patience)?).err().ok_or("no error")?;
        let error = error.downcast::<Error>()?;
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.to_string().contains("timeout after"), "{error}");
        // The first try and two more.
        assert!(began.elapsed() < 3 * patience + Duration::from_secs(3));
        assert!(stage.front.requests(What::Get) <= 4);
    }
    Ok(())
}

fn shortened() -> TestResult {
    let stage = Stage::new()?;
    stage.fill()?;
    for what in [What::Get, What::List] {
        stage.with(Plan::none().from(1, asks(what), Fault::ShortenAnswer));
        let error = look(&*stage.storage(Duration::from_millis(300))?).err();
        let error = error
            .ok_or_else(|| format!("{what:?}: no error"))?
            .downcast::<Error>()?;
        assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
        assert!(error.to_string().contains("the server"), "{error}");
    }
    Ok(())
}

fn cannot_abort() -> TestResult {
    let stage = Stage::new()?;
    let storage = stage.storage(Duration::from_millis(300))?;
    let path = StoragePath::new("file");
    stage.with(
        Plan::none()
            .from(1, asks(What::Complete), Refusal::s3(403, "AccessDenied"))
            .from(1, asks(What::Abort), Refusal::s3(503, "SlowDown")),
    );
    let written = write_all(&*storage, &path, &WriteOptions::default(), &bytes(1, LARGE));
    let error = written.err().ok_or("no error")?;
    assert!(
        error.to_string().contains("AccessDenied"),
        "the first reason is told: {error}"
    );
    assert_eq!(uploads(&stage.server)?, 1);
    stage.front.plan(Plan::none());
    assert_eq!(storage.remove_left_overs(&StoragePath::root(), true)?, 1);
    assert_eq!(uploads(&stage.server)?, 0);
    Ok(())
}
