use pgkeep_pipeline::{PageCheckSettings, Stage};
use pgkeep_testkit::data_dir::DataDirBuilder;
use tempfile::TempDir;

use super::*;
use crate::hosts::pg_host::conformance::{self, PAGE, cluster, request};

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
        limit: None,
    };
    (dir, host)
}

#[test]
fn bytes_and_reports_of_a_file_are_those_of_its_pipeline() {
    let (_dir, host) = host(cluster());
    conformance::bytes_and_reports_of_a_file_are_those_of_its_pipeline(&host);
}

#[test]
fn what_is_missing_or_empty_is_an_outcome_where_that_was_said() {
    let (_dir, host) = host(cluster());
    conformance::what_is_missing_or_empty_is_an_outcome_where_that_was_said(&host);
}

#[test]
fn the_receiver_can_end_the_reading() {
    let (_dir, host) = host(cluster());
    let got = conformance::the_receiver_can_end_the_reading(&host);
    assert_eq!(got, READ_MAX);
}

#[test]
fn several_files_may_be_under_way() {
    let (_dir, host) = host(cluster());
    conformance::several_files_may_be_under_way(&host);
}

#[test]
fn a_bad_page_is_found() {
    let (dir, host) = host(cluster());
    conformance::a_bad_page_is_found_where_the_file_is(&host, &dir.path().join("pg"));
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
    let data = dir.path().join("pg");
    conformance::small_files_listings_and_entries_are_those_of_the_data_directory(&host, &data);
}
