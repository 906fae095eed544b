//! Memory of uploads whose parts outgrow the budget.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::object::bucket::Bucket;
use crate::object::runtime::runtime;
use crate::object::settings::ObjectSettings;
use crate::object::store::{
    Content, Facts, Failure, ListQuery, ObjectStore, Outcome, Page, Part, Piece,
};
use crate::{StorageKind, StoragePath, StorageWrite, WriteOptions};

/// Takes time for each part, and counts the bytes that are under way.
#[derive(Debug, Default)]
struct Slow {
    under_way: AtomicUsize,
    most: Arc<AtomicUsize>,
    stored: Arc<AtomicUsize>,
    most_parts: Arc<AtomicUsize>,
    parts: AtomicUsize,
}

const STEP: usize = 64 << 10;

impl ObjectStore for Slow {
    type Hashes = ();

    fn kind(&self) -> StorageKind {
        StorageKind::S3
    }

    fn connections(&self) -> usize {
        0
    }

    fn hashes(&self, _: &[u8]) {}

    fn part_size(&self, number: u32) -> usize {
        // As the parts of a very large file: they grow far beyond the budget.
        STEP * number as usize
    }

    async fn list(&self, _: &ListQuery, _: Option<&str>) -> Outcome<Page> {
        Ok(Page::default())
    }

    async fn head(&self, _: &str) -> Outcome<Option<Facts>> {
        Ok(None)
    }

    async fn get(&self, _: &str, _: u64, _: u64, _: Option<&str>) -> Outcome<Option<Piece>> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: Content<()>, _: bool) -> Outcome<()> {
        Ok(())
    }

    async fn start_upload(&self, _: &str) -> Outcome<String> {
        Ok("u".to_owned())
    }

    async fn put_part(&self, _: &str, _: &str, number: u32, content: Content<()>) -> Outcome<Part> {
        let length = content.bytes.len();
        let now = self.under_way.fetch_add(length, Ordering::SeqCst) + length;
        self.most.fetch_max(now, Ordering::SeqCst);
        let parts = self.parts.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_parts.fetch_max(parts, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.stored.fetch_add(length, Ordering::SeqCst);
        self.under_way.fetch_sub(length, Ordering::SeqCst);
        self.parts.fetch_sub(1, Ordering::SeqCst);
        Ok(Part {
            number,
            tag: "t".to_owned(),
        })
    }

    async fn complete_upload(&self, _: &str, _: &str, _: &[Part], _: u64) -> Outcome<()> {
        Ok(())
    }

    async fn abort_upload(&self, _: &str, _: &str) -> Outcome<()> {
        Ok(())
    }

    async fn abort_old_uploads(&self, _: &str, _: bool) -> Outcome<usize> {
        Ok(0)
    }

    fn remove_limit(&self) -> usize {
        1
    }

    async fn remove(&self, _: &[String]) -> Result<(), (String, Failure)> {
        Ok(())
    }
}

#[test]
fn bytes_under_way_stay_below_the_budget_or_are_those_of_one_part() {
    let store = Slow::default();
    let (most, stored) = (Arc::clone(&store.most), Arc::clone(&store.stored));
    let most_parts = Arc::clone(&store.most_parts);
    let budget = 6 * STEP;
    let settings = ObjectSettings {
        byte_budget: budget,
        ..ObjectSettings::default()
    };
    let bucket = Bucket::new(store, settings, runtime().unwrap());
    // Parts of 1 to 12 steps, of two files at the same time.
    let last = 12;
    let size = STEP * (1..=last).sum::<usize>();
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let bucket = &bucket;
            scope.spawn(move || {
                let path = StoragePath::new(name);
                let options = WriteOptions::default();
                let mut writer = Box::new(super::open(bucket, &path, &options).unwrap());
                for _ in 0..size / STEP {
                    writer.write_all(&[7; STEP]).unwrap();
                    assert!(
                        writer.filling.capacity() <= STEP * last,
                        "no buffer doubles"
                    );
                }
                assert_eq!(writer.finish().unwrap().wait().unwrap().size, size as u64);
            });
        }
    });
    assert_eq!(stored.load(Ordering::SeqCst), 2 * size, "all of it went");
    let most = most.load(Ordering::SeqCst);
    assert!(
        most <= STEP * last,
        "{most} bytes: one part of the largest is alone"
    );
    assert!(
        most_parts.load(Ordering::SeqCst) > 1,
        "small ones are together"
    );
    assert_eq!(bucket.budget.used(), 0);
}
