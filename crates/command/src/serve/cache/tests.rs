use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

const AGE: Duration = Duration::from_secs(60);
/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(60);

/// A clock that the test sets, and readings that the test gives.
struct Stage {
    now: Arc<AtomicU64>,
    count: Arc<AtomicUsize>,
    give: Sender<Result<u32>>,
    cache: Arc<Cache<u32>>,
}

impl Stage {
    fn new() -> Self {
        let (now, count) = (Arc::new(AtomicU64::new(100)), Arc::new(AtomicUsize::new(0)));
        let (give, given): (_, Receiver<Result<u32>>) = channel();
        let (clock, counted, given) = (Arc::clone(&now), Arc::clone(&count), Mutex::new(given));
        let cache = Cache::new(
            "test",
            AGE,
            move || Duration::from_secs(clock.load(Ordering::SeqCst)),
            move || {
                counted.fetch_add(1, Ordering::SeqCst);
                given
                    .lock()
                    .unwrap()
                    .recv()
                    .expect("the test gives something")
            },
        );
        Self {
            now,
            count,
            give,
            cache: Arc::new(cache),
        }
    }

    fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn reads(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(work)
}

#[test]
fn it_is_read_once_for_all_who_ask_and_not_again_before_it_is_due() {
    let stage = Stage::new();
    run(async {
        let asking: Vec<_> = (0..10)
            .map(|_| {
                let cache = Arc::clone(&stage.cache);
                tokio::spawn(async move { cache.get(LONG).await })
            })
            .collect();
        // All of them ask before the first has an answer.
        tokio::task::yield_now().await;
        stage.give.send(Ok(1)).unwrap();
        for seen in asking {
            assert_eq!(seen.await.unwrap().kept.as_deref(), Some(&1));
        }
        stage.pass(59);
        let seen = stage.cache.get(LONG).await;
        assert_eq!((seen.kept.as_deref(), seen.age.as_secs()), (Some(&1), 59));
        assert_eq!(stage.reads(), 1);
        stage.pass(1);
        stage.give.send(Ok(2)).unwrap();
        let seen = stage.cache.get(LONG).await;
        assert_eq!((seen.kept.as_deref(), seen.age.as_secs()), (Some(&2), 0));
        assert_eq!(stage.reads(), 2);
    });
}

#[test]
fn a_reading_that_fails_leaves_what_there_was_and_is_not_tried_again_at_once() {
    let stage = Stage::new();
    run(async {
        stage.give.send(Ok(1)).unwrap();
        stage.cache.get(LONG).await;
        stage.pass(60);
        stage
            .give
            .send(Err(Error::new(ErrorCode::FileOpen, "gone")))
            .unwrap();
        for age in [60, 70] {
            let seen = stage.cache.get(LONG).await;
            assert_eq!((seen.kept.as_deref(), seen.age.as_secs()), (Some(&1), age));
            assert_eq!(seen.failed.unwrap().message, "gone");
            assert_eq!(stage.reads(), 2);
            stage.pass(10);
        }
        stage.pass(60);
        stage.give.send(Ok(2)).unwrap();
        let seen = stage.cache.get(LONG).await;
        assert_eq!(seen.kept.as_deref(), Some(&2));
        assert!(seen.failed.is_none());
    });
}

#[test]
fn a_reading_that_hangs_is_waited_for_only_so_long_and_is_the_only_one() {
    let stage = Stage::new();
    run(async {
        stage.give.send(Ok(1)).unwrap();
        stage.cache.get(LONG).await;
        stage.pass(60);
        for seconds in [0, 400] {
            stage.pass(seconds);
            let seen = stage.cache.get(Duration::from_millis(1)).await;
            assert_eq!(seen.kept.as_deref(), Some(&1));
            assert_eq!(seen.reading, Some(Duration::from_secs(seconds)));
        }
        // It comes to an end after all, and whoever asks now waits for that.
        stage.give.send(Ok(2)).unwrap();
        assert_eq!(stage.cache.get(LONG).await.kept.as_deref(), Some(&2));
        assert_eq!(stage.reads(), 2);
    });
}

#[test]
fn a_reading_that_panics_is_an_error_and_the_next_one_is_made() {
    let cache = Cache::new(
        "test",
        AGE,
        || Duration::ZERO,
        || -> Result<u32> { panic!("a bug") },
    );
    run(async {
        let seen = cache.get(LONG).await;
        assert_eq!(seen.failed.unwrap().code, ErrorCode::Assert);
        cache.expire(AGE);
        assert_eq!(cache.get(LONG).await.attempt, 2);
    });
}
