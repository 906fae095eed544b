//! What the workers report, also when a thread of theirs panics, and what the spool gets of it.

use pgkeep_config::Program;
use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};

use super::in_flight::{Failure, InFlight, Reporter};
use super::*;
use crate::archive_push::tests::{SEGMENT, identity, segment, settings, target};
use crate::archiving::spool::Status;
use crate::run::test_context;

fn event(
    file: usize,
    repository: usize,
    result: std::result::Result<Option<String>, Failure>,
) -> Event {
    Event {
        file,
        repository,
        process: 1,
        result,
    }
}

fn spool(dir: &tempfile::TempDir) -> Spool {
    let spool = queue::results(&Settings {
        spool_path: dir.path().display().to_string(),
        ..settings()
    });
    spool.create().unwrap();
    spool
}

#[test]
fn a_file_is_acknowledged_only_when_every_repository_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(&dir);
    let mut results = Results::new(&spool, vec![1, 2], vec![SEGMENT.to_owned()]);
    results
        .take(event(0, 0, Ok(Some("there already".to_owned()))))
        .unwrap();
    assert!(spool.status(SEGMENT).unwrap().is_none());
    let failed = Failure::Repository(Error::new(ErrorCode::FileWrite, "disk full"));
    results.take(event(0, 1, Err(failed))).unwrap();
    let Some(Status::Failed(error)) = spool.status(SEGMENT).unwrap() else {
        panic!("repo2 failed")
    };
    assert_eq!(error.code, ErrorCode::Command);
    assert_eq!(
        error.message,
        "archive-push command encountered error(s):\nrepo2: [FileWriteError] disk full"
    );
    assert!(!results.is_done(SEGMENT));
    results.take(event(0, 1, Ok(None))).unwrap();
    let Some(Status::Ok { warning }) = spool.status(SEGMENT).unwrap() else {
        panic!("both have it")
    };
    assert_eq!(warning.unwrap(), "there already");
    assert!(results.is_done(SEGMENT));
    results.conclude().unwrap();
}

#[test]
fn without_any_usable_repository_the_whole_run_fails() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(&dir);
    let mut results = Results::new(&spool, vec![1, 3], vec![SEGMENT.to_owned()]);
    for repository in [1, 0] {
        let unusable = Failure::Unusable(Error::new(ErrorCode::FileMissing, "no info"));
        results.take(event(0, repository, Err(unusable))).unwrap();
    }
    assert!(spool.status(SEGMENT).unwrap().is_none());
    let error = results.conclude().unwrap_err();
    assert_eq!(error.code, ErrorCode::RepoInvalid);
    assert_eq!(
        error.message,
        "unable to find a valid repository:\nrepo1: [FileMissingError] no info\nrepo3: [FileMissingError] no info"
    );
}

fn context() -> Context {
    test_context::new(Program::PgBackRest, "archive-push", &[""; 0])
}

/// Fails unless this file, and no other, was reported as failed by a panic.
fn panic_is_reported(events: &Receiver<Event>, file: usize) {
    let event = events.try_recv().unwrap();
    assert_eq!(event.file, file);
    let Err(Failure::File(error)) = event.result else {
        panic!("{:?}", event.result)
    };
    assert_eq!(error.code, ErrorCode::Assert);
    assert!(events.try_recv().is_err());
}

#[test]
fn a_file_that_a_thread_drops_counts_as_failed_and_is_not_in_flight_for_ever() {
    let schedule = Arc::new(Schedule::new(2, 1));
    let (send, events) = mpsc::channel();
    let take = |repository| {
        let file = schedule.take(repository).unwrap();
        InFlight::new(
            file,
            Reporter::new(Arc::clone(&schedule), send.clone(), (repository, 1)),
        )
    };
    let (dropped, waiting) = (take(0), take(1));
    assert!(!schedule.finished());
    drop(dropped);
    panic_is_reported(&events, 0);
    assert!(!schedule.finished());
    // It waits for a thread that has ended.
    let (hand_over, thread) = mpsc::sync_channel(1);
    hand_over.send(waiting).unwrap();
    drop(thread);
    panic_is_reported(&events, 0);
    assert!(schedule.finished());
}

#[test]
fn whatever_step_of_a_repository_panics_every_file_that_was_taken_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = segment(&dir);
    let (context, settings, identity) = (context(), settings(), identity(7));
    let file = |_| Arc::new(QueuedFile::new(file.clone()));
    for at in 1.. {
        let (mut target, memory) = target(1, None);
        let plan = FaultPlan::new(FaultySettings {
            at,
            fault: Fault::Panic,
        });
        target.repository.storage = Arc::new(Faulty::new(Arc::new(memory), Arc::clone(&plan)));
        let workers = RepoWorkers::new(1, Some(target));
        let shared = Shared {
            context: &context,
            settings: &settings,
            identity: &identity,
            cache: SegmentCache::new(0),
            schedule: Arc::new(Schedule::new(1, 3)),
        };
        let (send, events) = mpsc::channel();
        let (ended, end) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let _stop = StopOnDrop(&shared.schedule);
            let (shared, workers) = (&shared, &workers);
            scope.spawn(move || {
                let _ended = ended;
                workers.work(shared, (0, 1), &file, &send);
            });
            let wait = end.recv_timeout(Duration::from_secs(60));
            assert_eq!(wait, Err(RecvTimeoutError::Disconnected), "operation {at}");
        });
        assert!(shared.schedule.finished(), "operation {at}");
        let reported: Vec<Event> = events.try_iter().collect();
        let panicked = |event: &&Event| matches!(&event.result, Err(Failure::File(error)) if error.code == ErrorCode::Assert);
        if plan.struck().is_none() {
            assert_eq!(reported.len(), 3);
            assert!(reported.iter().all(|event| event.result.is_ok()));
            assert!(at > 5, "a segment is looked up, written and published");
            break;
        }
        assert!(
            reported.iter().any(|event| panicked(&event)),
            "operation {at}"
        );
    }
}
