use pgkeep_pipeline::{PageCheckSettings, Pipeline, Report, Sha1Digest, Stage};
use pgkeep_testkit::data_dir::DataDirBuilder;
use tempfile::TempDir;

use super::*;
use crate::error::{Error, ErrorCode};

const PAGE: usize = 8192;

fn host(files: DataDirBuilder) -> (TempDir, LocalPgHost) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pg");
    files.build(&path).unwrap();
    let host = LocalPgHost {
        key: 1,
        data: Arc::new(PosixStorage::at(&path)),
        root: PosixStorage::at("/"),
        path,
        session: SessionSettings {
            socket_path: None,
            port: 5432,
            database: "postgres".to_owned(),
            user: None,
            timeout: Duration::from_secs(1),
            application_name: "test".to_owned(),
            os_user: "me".to_owned(),
            home: None,
            environment: LibpqEnvironment::default(),
        },
        buffers: Buffers::default(),
    };
    (dir, host)
}

fn cluster() -> DataDirBuilder {
    DataDirBuilder::new("17")
        .unwrap()
        .page_checksums()
        .file("base/1/empty", Vec::new())
        .file("base/1/text", b"0123456789".repeat(50_000))
        .relation("base/1/1259", 3)
}

fn request(path: &str, stages: Vec<Stage>) -> ReadRequest {
    ReadRequest {
        path: StoragePath::from(path),
        limit: None,
        pipeline: Pipeline::new(stages),
        buffer_size: 1 << 20,
        may_be_missing: false,
        skip_empty: false,
        reports_only: false,
    }
}

/// What a caller gets.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    progress: u64,
    /// Refuses to go on at this progress.
    stop_at: Option<u64>,
}

impl io::Write for Received {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileReceiver for Received {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.progress += bytes;
        match self.stop_at {
            Some(stop) if self.progress >= stop => Err(Error::new(ErrorCode::Term, "stopped")),
            _ => Ok(()),
        }
    }
}

fn read(host: &LocalPgHost, request: ReadRequest) -> Result<(ReadOutcome, Received)> {
    let mut received = Received::default();
    let outcome = host.open_file(request)?.deliver(&mut received)?;
    Ok((outcome, received))
}

#[test]
fn bytes_and_reports_of_a_file_are_those_of_its_pipeline() {
    let (_dir, host) = host(cluster());
    let content = b"0123456789".repeat(50_000);
    let stages = vec![Stage::Sha1, Stage::Size];
    let reports = |content: &[u8]| {
        ReadOutcome::Read(vec![
            Report::Sha1(Sha1Digest::of(content)),
            Report::Size(content.len() as u64),
        ])
    };
    let (outcome, received) = read(&host, request("base/1/text", stages.clone())).unwrap();
    assert_eq!(outcome, reports(&content));
    assert!(received.bytes == content);
    assert_eq!(received.progress, 500_000);
    let limited = ReadRequest {
        limit: Some(300_000),
        ..request("base/1/text", stages.clone())
    };
    let (outcome, received) = read(&host, limited).unwrap();
    assert_eq!(outcome, reports(&content[..300_000]));
    assert_eq!(received.bytes.len(), 300_000);
    let only = ReadRequest {
        reports_only: true,
        ..request("base/1/text", stages)
    };
    let (outcome, received) = read(&host, only).unwrap();
    assert_eq!(outcome, reports(&content));
    assert_eq!((received.bytes.len(), received.progress), (0, 500_000));
}

#[test]
fn what_is_missing_or_empty_is_an_outcome_where_that_was_said() {
    let (_dir, host) = host(cluster());
    assert!(read(&host, request("base/1/none", Vec::new())).is_err());
    let missing = ReadRequest {
        may_be_missing: true,
        ..request("base/1/none", Vec::new())
    };
    assert_eq!(read(&host, missing).unwrap().0, ReadOutcome::Missing);
    let gz = || {
        vec![Stage::Compress {
            kind: pgkeep_pipeline::CompressType::Gz,
            level: 1,
            raw: false,
        }]
    };
    let (outcome, received) = read(&host, request("base/1/empty", gz())).unwrap();
    assert_eq!(outcome, ReadOutcome::Read(vec![Report::None]));
    assert!(!received.bytes.is_empty(), "a gz file of nothing");
    let skipped = ReadRequest {
        skip_empty: true,
        ..request("base/1/empty", gz())
    };
    let (outcome, received) = read(&host, skipped).unwrap();
    assert_eq!(outcome, ReadOutcome::Empty);
    assert!(received.bytes.is_empty());
}

#[test]
fn the_receiver_can_end_the_reading() {
    let (_dir, host) = host(cluster());
    let mut received = Received {
        stop_at: Some(1),
        ..Received::default()
    };
    let open = host.open_file(request("base/1/text", Vec::new())).unwrap();
    let error = open.deliver(&mut received).unwrap_err();
    assert_eq!(error.code, ErrorCode::Term);
    assert_eq!(received.bytes.len(), READ_MAX);
}

/// Writes a page anew while its file is read, once so much of it was.
struct Mender {
    read: u64,
    at: u64,
    mend: Box<dyn Fn()>,
}

impl io::Write for Mender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileReceiver for Mender {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.read += bytes;
        if self.read == self.at {
            (self.mend)();
        }
        Ok(())
    }
}

#[test]
fn a_bad_page_is_read_again_before_it_counts() {
    const HALF: usize = PAGE / 2;
    let (dir, host) = host(cluster());
    let name = StoragePath::from("base/1/1259");
    let good = host.read_small(&name, u64::MAX).unwrap();
    let mut torn = good.clone();
    torn[PAGE + 100] ^= 1;
    let data = Arc::new(PosixStorage::at(dir.path().join("pg")));
    let write = {
        let (data, name) = (Arc::clone(&data), name.clone());
        // In place, as the server does.
        let options = pgkeep_storage::WriteOptions {
            mode: pgkeep_storage::WriteMode::InPlace,
            ..Default::default()
        };
        move |bytes: &[u8]| {
            pgkeep_storage::copy::write_all(&*data, &name, &options, bytes).unwrap();
        }
    };
    // The server writes the page after its first half was read.
    let check = |reread, then: &[u8]| {
        write(&torn);
        let settings = PageCheckSettings {
            page_size: PAGE,
            segment_first_block: 0,
            header_check: true,
            reread,
        };
        let request = ReadRequest {
            buffer_size: HALF,
            ..request("base/1/1259", vec![Stage::PageCheck(settings)])
        };
        let (write, then) = (write.clone(), then.to_vec());
        let mut mender = Mender {
            read: 0,
            at: (PAGE + HALF) as u64,
            mend: Box::new(move || write(&then)),
        };
        let outcome = host.open_file(request).unwrap().deliver(&mut mender);
        let ReadOutcome::Read(reports) = outcome.unwrap() else {
            panic!("the file is there")
        };
        reports[0].page().unwrap().errors.clone()
    };
    assert_eq!(check(true, &good), []);
    assert_eq!(check(false, &good), [(1, 1)]);
    assert_eq!(check(true, &torn), [(1, 1)]);
    // What is read again is the page at that place, or what is there of it.
    let mut again = vec![0; PAGE];
    let reread = host.reread(name);
    assert_eq!(reread(PAGE as u64, &mut again), Some(PAGE));
    assert!(again == torn[PAGE..2 * PAGE]);
    assert_eq!(reread(2 * PAGE as u64 + 8000, &mut again), Some(192));
    assert_eq!(host.reread(StoragePath::from("gone"))(0, &mut again), None);
}

#[test]
fn small_files_listings_and_entries_are_those_of_the_data_directory() {
    let (dir, host) = host(cluster());
    let control = StoragePath::from("global/pg_control");
    assert_eq!(host.read_small(&control, 8192).unwrap().len(), 8192);
    assert_eq!(host.read_small(&control, 10).unwrap().len(), 10);
    let root = host
        .list(&StoragePath::root(), InfoLevel::Exists)
        .unwrap()
        .unwrap();
    assert!(root.iter().any(|entry| entry.name.as_bytes() == b"base"));
    let gone = StoragePath::from("postmaster.pid");
    assert_eq!(host.info(&gone, InfoLevel::Exists).unwrap(), None);
    assert!(host.space(&StoragePath::root()).unwrap().is_some());
    let absolute = StoragePath::from(format!("{}/pg", dir.path().display()).as_str());
    assert!(host.listing().entry(&absolute).unwrap().is_some());
    assert_eq!(
        host.display(&gone),
        format!("{}/pg/postmaster.pid", dir.path().display())
    );
}
