//! Files that are compared before they are copied, where a look at each would cost a way to another host and back.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use pgkeep_postgres::session::Session;
use pgkeep_repo::manifest::build::Listing;
use pgkeep_storage::{FileInfo, Space};

use super::abort::{aborted, kept, partial};
use super::*;
use crate::hosts::pg_host::{FileReceiver, OpenFile, ReadOutcome, ReadRequest};
use crate::hosts::repository::remote::RemoteStorage;
use crate::remote::in_memory::InMemory;
use crate::remote::rights::Rights;
use crate::remote::serve::storage::{StorageService, describe};
use crate::remote::wire::greeting::{Answer, Side};

/// A host that counts how often a file was waited for while no other one was under way.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn PgHost>,
    under_way: AtomicUsize,
    /// Files that were measured, and those of them that were asked for when nothing else was under way.
    measured: AtomicUsize,
    alone: AtomicUsize,
}

struct Counted<'a> {
    file: Box<dyn OpenFile + 'a>,
    of: &'a Counting,
}

impl OpenFile for Counted<'_> {
    fn deliver(self: Box<Self>, receiver: &mut dyn FileReceiver) -> Result<ReadOutcome> {
        self.of.under_way.fetch_sub(1, Ordering::SeqCst);
        self.file.deliver(receiver)
    }
}

impl PgHost for Counting {
    fn key(&self) -> u32 {
        1
    }
    fn path(&self) -> &Path {
        self.inner.path()
    }
    fn display(&self, path: &StoragePath) -> String {
        self.inner.display(path)
    }
    fn has_latency(&self) -> bool {
        true
    }
    fn info(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<FileInfo>> {
        self.inner.info(path, level)
    }
    fn list(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<Vec<FileInfo>>> {
        self.inner.list(path, level)
    }
    fn listing(&self) -> &dyn Listing {
        self.inner.listing()
    }
    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.inner.space(path)
    }
    fn read_small(&self, path: &StoragePath, limit: u64) -> Result<Vec<u8>> {
        self.inner.read_small(path, limit)
    }
    fn open_file(&self, request: ReadRequest) -> Result<Box<dyn OpenFile + '_>> {
        let before = self.under_way.fetch_add(1, Ordering::SeqCst);
        if request.reports_only {
            self.measured.fetch_add(1, Ordering::SeqCst);
            self.alone
                .fetch_add(usize::from(before == 0), Ordering::SeqCst);
        }
        let file = self.inner.open_file(request)?;
        Ok(Box::new(Counted { file, of: self }))
    }
    fn connect(&self) -> Result<Box<dyn Session>> {
        self.inner.connect()
    }
}

#[test]
fn with_delta_small_files_of_another_host_are_hashed_without_a_wait_for_each() {
    for options in [&["--compress-type=none"][..], &["--repo1-bundle"]] {
        let fixture = Fixture::new(cluster(), options);
        for number in 0..300 {
            fixture.write(&format!("base/1/{number}"), b"small", OLD);
        }
        fixture.backup(&["--type=full"]).unwrap();
        for number in 0..300 {
            fixture.age(&format!("base/1/{number}"), OLD + 10);
        }
        let context = fixture.context(
            &["--no-online", "--type=incr", "--delta"],
            Moments::default(),
        );
        let host = Arc::new(Counting {
            inner: fixture.host(&context),
            under_way: AtomicUsize::new(0),
            measured: AtomicUsize::new(0),
            alone: AtomicUsize::new(0),
        });
        let there = Arc::clone(&host);
        let settings = Settings::from(&context).unwrap();
        make(&context, &settings, &fixture.repository, |context, _| {
            Source::stopped(context, there)
        })
        .unwrap();
        let manifest = fixture.check(&fixture.newest());
        let own = own_files(&manifest);
        assert!(!own.contains(&"pg_data/base/1/7".to_owned()), "{own:?}");
        let measured = host.measured.load(Ordering::SeqCst);
        let alone = host.alone.load(Ordering::SeqCst);
        assert!(measured >= 300, "{measured}");
        assert!(alone <= 10, "{alone} of {measured} were waited for alone");
    }
}

#[test]
fn what_an_aborted_run_left_is_measured_on_the_host_of_the_repository_with_few_messages() {
    let (fixture, label) = aborted(&["--compress-type=none"]);
    let kept = kept(&fixture, &partial(&fixture, &label));
    assert!(!kept.is_empty());
    fixture.memory.set_now(NOW);
    let context = fixture.context(&["--no-online", "--type=full"], Moments::default());
    let service = StorageService::new(
        Arc::new(fixture.context(&[], Moments::default())),
        fixture.repository.clone(),
        Rights::admin(),
    );
    let answer = Answer::Repo(describe(&*fixture.repository.storage, "none"));
    let there = InMemory::new(service, answer, 2);
    let remote = Arc::new(RemoteStorage::new(there.link(Side::Repo, "backup"), "/x"));
    let repository = Repository {
        key: 1,
        storage: remote.clone(),
        pass: None,
        elsewhere: Some(remote),
    };
    let settings = Settings::from(&context).unwrap();
    make(&context, &settings, &repository, Source::open).unwrap();
    assert_eq!(fixture.newest(), label);
    fixture.check(&label);
    let crossed = String::from_utf8_lossy(&there.cut.crossed()).into_owned();
    for (name, path) in &kept {
        let info = fixture.memory.info(path, InfoLevel::Basic).unwrap();
        assert!(info.unwrap().modified < NOW, "{name} was stored again");
        let read = format!("\"open_read\":{{\"path\":\"{path}\"");
        assert!(!crossed.contains(&read), "{name} was read over the line");
    }
    let messages = crossed.matches("{\"measure\":").count();
    assert!((1..=2).contains(&messages), "{messages}");
}
