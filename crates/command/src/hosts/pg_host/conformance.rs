//! What every host of a cluster must do, as functions that the tests of each kind run.

use std::io;
use std::path::Path;

use pgkeep_pipeline::{CompressType, PageCheckSettings, Pipeline, Report, Sha1Digest, Stage};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{FileType, Found, InfoLevel, StoragePath, WriteMode, WriteOptions};
use pgkeep_testkit::data_dir::DataDirBuilder;

use super::host::PgHost;
use super::read_file::{FileReceiver, ReadOutcome, ReadRequest};
use crate::error::{Error, ErrorCode, Result};

pub(super) const PAGE: usize = 8192;

/// The data directory that the functions expect.
pub(super) fn cluster() -> DataDirBuilder {
    DataDirBuilder::new("17")
        .unwrap()
        .page_checksums()
        .file("base/1/empty", Vec::new())
        .file("base/1/text", text())
        .relation("base/1/1259", 3)
}

fn text() -> Vec<u8> {
    b"0123456789".repeat(50_000)
}

pub(super) fn request(path: &str, stages: Vec<Stage>) -> ReadRequest {
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
pub(super) struct Received {
    pub bytes: Vec<u8>,
    pub progress: u64,
    /// Refuses to go on at this progress.
    pub stop_at: Option<u64>,
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

pub(super) fn read(host: &dyn PgHost, request: ReadRequest) -> Result<(ReadOutcome, Received)> {
    let mut received = Received::default();
    let outcome = host.open_file(request)?.deliver(&mut received)?;
    Ok((outcome, received))
}

pub(super) fn bytes_and_reports_of_a_file_are_those_of_its_pipeline(host: &dyn PgHost) {
    let content = text();
    let stages = vec![Stage::Sha1, Stage::Size];
    let reports = |content: &[u8]| {
        ReadOutcome::Read(vec![
            Report::Sha1(Sha1Digest::of(content)),
            Report::Size(content.len() as u64),
        ])
    };
    let (outcome, received) = read(host, request("base/1/text", stages.clone())).unwrap();
    assert_eq!(outcome, reports(&content));
    assert!(received.bytes == content);
    assert_eq!(received.progress, 500_000);
    let limited = ReadRequest {
        limit: Some(300_000),
        ..request("base/1/text", stages.clone())
    };
    let (outcome, received) = read(host, limited).unwrap();
    assert_eq!(outcome, reports(&content[..300_000]));
    assert_eq!(received.bytes.len(), 300_000);
    let only = ReadRequest {
        reports_only: true,
        ..request("base/1/text", stages)
    };
    let (outcome, received) = read(host, only).unwrap();
    assert_eq!(outcome, reports(&content));
    assert_eq!((received.bytes.len(), received.progress), (0, 500_000));
}

pub(super) fn what_is_missing_or_empty_is_an_outcome_where_that_was_said(host: &dyn PgHost) {
    let error = read(host, request("base/1/none", Vec::new()))
        .err()
        .unwrap();
    assert_eq!(error.code, ErrorCode::FileMissing);
    let missing = ReadRequest {
        may_be_missing: true,
        ..request("base/1/none", Vec::new())
    };
    assert_eq!(read(host, missing).unwrap().0, ReadOutcome::Missing);
    let gz = || {
        vec![Stage::Compress {
            kind: CompressType::Gz,
            level: 1,
            raw: false,
        }]
    };
    let (outcome, received) = read(host, request("base/1/empty", gz())).unwrap();
    assert_eq!(outcome, ReadOutcome::Read(vec![Report::None]));
    assert!(!received.bytes.is_empty(), "a gz file of nothing");
    let (outcome, received) = read(host, request("base/1/empty", Vec::new())).unwrap();
    assert_eq!(outcome, ReadOutcome::Read(Vec::new()));
    assert!(received.bytes.is_empty());
    for stages in [gz(), Vec::new()] {
        let skipped = ReadRequest {
            skip_empty: true,
            ..request("base/1/empty", stages)
        };
        let (outcome, received) = read(host, skipped).unwrap();
        assert_eq!(outcome, ReadOutcome::Empty);
        assert!(received.bytes.is_empty());
    }
}

/// Returns how much had come when the reading ended.
pub(super) fn the_receiver_can_end_the_reading(host: &dyn PgHost) -> usize {
    let mut received = Received {
        stop_at: Some(1),
        ..Received::default()
    };
    let open = host.open_file(request("base/1/text", Vec::new())).unwrap();
    let error = open.deliver(&mut received).unwrap_err();
    assert_eq!(error.code, ErrorCode::Term);
    // The host can be used as before.
    let (_, whole) = read(host, request("base/1/text", Vec::new())).unwrap();
    assert_eq!(whole.bytes.len(), 500_000);
    received.bytes.len()
}

pub(super) fn several_files_may_be_under_way(host: &dyn PgHost) {
    let names = ["base/1/text", "base/1/1259", "base/1/empty", "base/1/text"];
    let opened: Vec<_> = names
        .iter()
        .map(|name| host.open_file(request(name, vec![Stage::Size])).unwrap())
        .collect();
    let mut sizes = Vec::new();
    for open in opened {
        let mut received = Received::default();
        let outcome = open.deliver(&mut received).unwrap();
        let size = received.bytes.len();
        assert_eq!(outcome, ReadOutcome::Read(vec![Report::Size(size as u64)]));
        sizes.push(size);
    }
    assert_eq!(sizes, [500_000, 3 * PAGE, 0, 500_000]);
}

pub(super) fn a_bad_page_is_found_where_the_file_is(host: &dyn PgHost, data: &Path) {
    let name = StoragePath::from("base/1/1259");
    let mut torn = host.read_small(&name, u64::MAX).unwrap();
    torn[PAGE + 100] ^= 1;
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    };
    pgkeep_storage::copy::write_all(&PosixStorage::at(data), &name, &options, &torn).unwrap();
    let settings = PageCheckSettings {
        page_size: PAGE,
        segment_first_block: 0,
        header_check: true,
        reread: true,
    };
    let request = request("base/1/1259", vec![Stage::PageCheck(settings)]);
    let (outcome, received) = read(host, request).unwrap();
    let ReadOutcome::Read(reports) = outcome else {
        panic!("the file is there")
    };
    assert_eq!(reports[0].page().unwrap().errors, [(1, 1)]);
    assert!(received.bytes == torn);
}

pub(super) fn small_files_listings_and_entries_are_those_of_the_data_directory(
    host: &dyn PgHost,
    data: &Path,
) {
    let control = StoragePath::from("global/pg_control");
    assert_eq!(host.read_small(&control, 8192).unwrap().len(), 8192);
    assert_eq!(host.read_small(&control, 10).unwrap().len(), 10);
    let missing = host.read_small(&StoragePath::from("none"), 10);
    assert_eq!(missing.unwrap_err().code, ErrorCode::FileMissing);
    let root = host
        .list(&StoragePath::root(), InfoLevel::Exists)
        .unwrap()
        .unwrap();
    assert!(root.iter().any(|entry| entry.name.as_bytes() == b"base"));
    let none = host.list(&StoragePath::from("none"), InfoLevel::Exists);
    assert_eq!(none.unwrap(), None);
    let gone = StoragePath::from("postmaster.pid");
    assert_eq!(host.info(&gone, InfoLevel::Exists).unwrap(), None);
    let text = StoragePath::from("base/1/text");
    let info = host.info(&text, InfoLevel::Detail).unwrap().unwrap();
    assert_eq!(
        (info.name, info.kind, info.size),
        (text, FileType::File, 500_000)
    );
    assert!(info.owner.is_some());
    assert!(host.space(&StoragePath::root()).unwrap().is_some());
    let absolute = StoragePath::from(data.to_str().unwrap());
    let listing = host.listing();
    assert!(listing.entry(&absolute).unwrap().is_some());
    let mut names = Vec::new();
    let found = listing
        .tree(&absolute.join("base"), &mut |info| {
            names.push(info.name.to_string());
            Ok(())
        })
        .unwrap();
    assert_eq!(found, Found::Found);
    assert_eq!(names[..2], ["1", "1/1259"]);
    let mut each = |_| panic!("nothing is there");
    let found = listing.tree(&absolute.join("none"), &mut each);
    assert_eq!(found.unwrap(), Found::Missing);
    // The reader stops a listing by its error.
    let error = listing.tree(&absolute, &mut |info| {
        Err(pgkeep_storage::Error::new(
            pgkeep_storage::ErrorKind::Exists,
            pgkeep_storage::Operation::List,
            info.name.to_string(),
            "",
        ))
    });
    assert_eq!(error.unwrap_err().kind, pgkeep_storage::ErrorKind::Exists);
    let shown = format!("{}/postmaster.pid", data.display());
    assert!(host.display(&gone).ends_with(&shown));
}
