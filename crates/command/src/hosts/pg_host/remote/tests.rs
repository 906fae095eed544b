#![allow(clippy::disallowed_methods)] // makes links as somebody else does

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use pgkeep_config::Program;
use pgkeep_pipeline::block::{BlockMap, BlockSettings};
use pgkeep_pipeline::{CompressType, Report, Sha1Digest, Stage};
use pgkeep_postgres::session::{
    BackupStart, BackupStop, CancelHandle, Database, Health, RESTORE_POINT, ScriptedSession,
    Tablespace,
    scripted::{Answer as Said, Call},
};
use pgkeep_postgres::{Lsn, PgVersion, WalSegment};
use pgkeep_testkit::data_dir::DataDirBuilder;
use tempfile::TempDir;

use super::*;
use crate::hosts::pg_host::conformance::{self, Received, cluster, read, request};
use crate::hosts::pg_host::local::LocalPgHost;
use crate::hosts::pg_host::read_file::ReadOutcome;
use crate::remote::in_memory::InMemory;
use crate::remote::serve::cluster::ClusterService;
use crate::remote::wire::greeting::{ClusterAnswer, Side};
use crate::run::test_context;

/// A local cluster whose sessions are made up.
#[derive(Debug)]
struct Scripted {
    local: LocalPgHost,
    sessions: Mutex<VecDeque<Made>>,
}

struct Made(Box<dyn Session>);

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl PgHost for Scripted {
    fn key(&self) -> u32 {
        self.local.key()
    }

    fn path(&self) -> &Path {
        self.local.path()
    }

    fn display(&self, path: &StoragePath) -> String {
        self.local.display(path)
    }

    fn has_latency(&self) -> bool {
        self.local.has_latency()
    }

    fn info(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<FileInfo>> {
        self.local.info(path, level)
    }

    fn list(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<Vec<FileInfo>>> {
        self.local.list(path, level)
    }

    fn listing(&self) -> &dyn Listing {
        self.local.listing()
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.local.space(path)
    }

    fn read_small(&self, path: &StoragePath, limit: u64) -> Result<Vec<u8>> {
        self.local.read_small(path, limit)
    }

    fn open_file(&self, request: ReadRequest) -> Result<Box<dyn OpenFile + '_>> {
        self.local.open_file(request)
    }

    fn connect(&self) -> Result<Box<dyn Session>> {
        match self.sessions.lock().unwrap().pop_front() {
            Some(Made(session)) => Ok(session),
            None => Err(Error::new(
                ErrorCode::DbConnect,
                "unable to connect to 'dbname='postgres' port=5432'",
            )
            .with_hint("is the server running?")),
        }
    }
}

/// A cluster on another host, and that host.
struct Fixture {
    dir: TempDir,
    there: Arc<InMemory>,
    host: RemotePgHost,
}

impl Fixture {
    fn new(files: DataDirBuilder, sessions: Vec<Box<dyn Session>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pg");
        files.build(&path).unwrap();
        let context = test_context::new(Program::PgKeep, "backup", &["--pg1-path=/pg"]);
        let served = Scripted {
            local: LocalPgHost::new(&context, 1, path.clone()),
            sessions: Mutex::new(sessions.into_iter().map(Made).collect()),
        };
        let answer = Answer::Pg(ClusterAnswer {
            path,
            db_timeout: 1000,
        });
        let there = InMemory::new(ClusterService::new(Arc::new(served)), answer, 2);
        let host = Self::host(&there, 1);
        Self { dir, there, host }
    }

    fn host(there: &Arc<InMemory>, network_level: i32) -> RemotePgHost {
        let settings = RemoteSettings {
            key: 2,
            path: PathBuf::from("/configured"),
            network_level,
        };
        RemotePgHost::new(settings, there.link(Side::Pg, "backup"))
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("pg")
    }
}

fn fixture() -> Fixture {
    Fixture::new(cluster(), Vec::new())
}

#[test]
fn bytes_and_reports_of_a_file_are_those_of_its_pipeline() {
    let fixture = fixture();
    // With and without compression for the way.
    for level in [0, 1, -3] {
        let host = Fixture::host(&fixture.there, level);
        conformance::bytes_and_reports_of_a_file_are_those_of_its_pipeline(&host);
    }
}

#[test]
fn what_is_missing_or_empty_is_an_outcome_where_that_was_said() {
    let fixture = fixture();
    for level in [0, 1] {
        let host = Fixture::host(&fixture.there, level);
        conformance::what_is_missing_or_empty_is_an_outcome_where_that_was_said(&host);
    }
}

#[test]
fn the_receiver_can_end_the_reading() {
    conformance::the_receiver_can_end_the_reading(&fixture().host);
}

#[test]
fn several_files_may_be_under_way() {
    conformance::several_files_may_be_under_way(&fixture().host);
}

#[test]
fn a_bad_page_is_found_where_the_file_is() {
    let fixture = fixture();
    conformance::a_bad_page_is_found_where_the_file_is(&fixture.host, &fixture.data());
}

#[test]
fn small_files_listings_and_entries_are_those_of_the_data_directory() {
    let fixture = fixture();
    let host = &fixture.host;
    let gone = StoragePath::from("postmaster.pid");
    assert_eq!(host.display(&gone), "other:/configured/postmaster.pid");
    conformance::small_files_listings_and_entries_are_those_of_the_data_directory(
        host,
        &fixture.data(),
    );
    // What the other host says of its path counts.
    let shown = format!("other:{}", fixture.data().display());
    assert_eq!(host.display(&StoragePath::root()), shown);
    assert_eq!((host.key(), host.path()), (2, &*fixture.data()));
}

#[test]
fn an_error_has_the_code_of_the_other_host_and_its_name() {
    let fixture = fixture();
    let error = read(&fixture.host, request("base/1/none", Vec::new()))
        .err()
        .unwrap();
    assert_eq!(error.code, ErrorCode::FileMissing);
    let path = fixture.data().join("base/1/none");
    assert_eq!(
        error.message,
        format!(
            "raised from remote-0 ssh protocol on 'other': unable to open missing file '{}' for read",
            path.display()
        )
    );
}

#[test]
fn a_client_reads_only_what_the_data_directory_leads_to() {
    let fixture = fixture();
    let host = &fixture.host;
    let outside = fixture.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "x").unwrap();
    let listing = host.listing();
    let outside = StoragePath::from(outside.to_str().unwrap());
    let error = listing.entry(&outside).unwrap_err();
    let code = Error::from(error).code;
    assert_eq!(code, ErrorCode::Access);
    let up = host.info(&StoragePath::from("../outside/file"), InfoLevel::Exists);
    assert_eq!(up.unwrap_err().code, ErrorCode::Protocol);
    let up = read(host, request("base/../../outside/file", Vec::new()));
    assert_eq!(up.err().unwrap().code, ErrorCode::Protocol);

    std::os::unix::fs::symlink("../outside", fixture.data().join("link")).unwrap();
    let data = StoragePath::from(fixture.data().to_str().unwrap());
    listing.tree(&data, &mut |_| Ok(())).unwrap();
    assert!(listing.entry(&outside.join("file")).unwrap().is_some());
    let (_, received) = read(host, request("link/file", Vec::new())).unwrap();
    assert_eq!(received.bytes, b"x");
}

#[test]
fn only_bytes_that_nothing_makes_small_are_compressed_for_the_way() {
    // Twelve megabytes of the same cross a link of ten thousand bytes at a time.
    let writes = |stages: Vec<Stage>, level| {
        let fixture = Fixture::new(
            DataDirBuilder::new("17")
                .unwrap()
                .file("zeros", vec![0; 12_000_000]),
            Vec::new(),
        );
        let host = Fixture::host(&fixture.there, level);
        // The connection is made first.
        host.info(&StoragePath::root(), InfoLevel::Exists).unwrap();
        let before = fixture.there.cut.writes();
        let (outcome, received) = read(&host, request("zeros", stages.clone())).unwrap();
        let ReadOutcome::Read(reports) = outcome else {
            panic!("it is there")
        };
        assert_eq!(reports.len(), stages.len());
        (received.bytes.len(), fixture.there.cut.writes() - before)
    };
    let compress = |level| Stage::Compress {
        kind: CompressType::Gz,
        level,
        raw: false,
    };
    let (length, many) = writes(vec![Stage::Size], 0);
    assert_eq!(length, 12_000_000);
    assert!(many > 1000, "{many}");
    let (length, few) = writes(vec![Stage::Size], 1);
    assert_eq!(length, 12_000_000);
    assert!(few < many / 5, "{few}");
    // Level 0 of gz leaves the bytes as they are, but whoever asks for it has them compressed.
    let (_, again) = writes(vec![compress(0)], 1);
    assert!(again > many / 2, "{again}");
}

#[test]
fn a_pipeline_with_the_map_of_the_prior_backup_may_be_longer_than_a_message() {
    let fixture = fixture();
    let content = b"0123456789".repeat(50_000);
    let block_size = 10;
    let settings = |prior: Option<BlockMap>| BlockSettings {
        block_size,
        super_block_size: 1 << 20,
        checksum_size: 6,
        reference: u32::from(prior.is_some()),
        bundle_id: 0,
        offset: 0,
        prior,
        compress: CompressType::None,
        level: 0,
        pass: None,
    };
    let stages = |prior: Option<BlockMap>| {
        vec![
            Stage::Sha1,
            Stage::BlockIncremental(settings(prior)),
            Stage::Size,
        ]
    };
    let (outcome, first) = read(&fixture.host, request("base/1/text", stages(None))).unwrap();
    let ReadOutcome::Read(reports) = outcome else {
        panic!("it is there")
    };
    assert_eq!(reports[0], Report::Sha1(Sha1Digest::of(&content)));
    let map_size = reports[1].block().unwrap().map_size as usize;
    let map = &first.bytes[first.bytes.len() - map_size..];
    let prior = BlockMap::decode(map, block_size, 6).unwrap();
    let written = serde_json::to_vec(&stages(Some(prior.clone()))).unwrap();
    assert!(written.len() > 2 << 20, "{} bytes", written.len());
    let again = request("base/1/text", stages(Some(prior)));
    let (outcome, received) = read(&fixture.host, again).unwrap();
    let ReadOutcome::Read(reports) = outcome else {
        panic!("it is there")
    };
    assert!(reports[1].block().unwrap().unchanged());
    assert!(received.bytes.is_empty());
}

fn segment() -> WalSegment {
    WalSegment::parse("000000010000000000000002").unwrap()
}

fn databases(count: u32) -> Vec<Database> {
    (0..count)
        .map(|oid| Database {
            oid,
            name: format!("database {oid}"),
            last_system_oid: 4,
        })
        .collect()
}

/// Every question of a session with its answer, and the calls that ask them.
fn script() -> Vec<(Call, Said)> {
    let start = BackupStart {
        lsn: Lsn(0x0200_0028),
        wal_file: segment(),
        time_ms: 5,
    };
    let stop = BackupStop {
        lsn: Lsn(0x0200_0100),
        wal_file: segment(),
        backup_label: "START\n".to_owned(),
        tablespace_map: Some("1 /ts\n".to_owned()),
        time_ms: 6,
    };
    let tablespace = Tablespace {
        oid: 1663,
        name: "pg_default".to_owned(),
    };
    let failure = pgkeep_postgres::Error::new(
        pgkeep_postgres::ErrorKind::Query,
        "unable to execute query 'checkpoint': ERROR:  no",
    )
    .hint("look");
    vec![
        (Call::IsInRecovery, Said::Bool(false)),
        (Call::TimeMs, Said::Time(1_800_000_000_900)),
        (Call::CurrentWalFile, Said::Segment(segment())),
        (Call::StartBackup { fast: true }, Said::Started(start)),
        (
            Call::CreateRestorePoint(RESTORE_POINT.to_owned()),
            Said::Done,
        ),
        (Call::SwitchWal, Said::Segment(segment())),
        (Call::Databases, Said::Databases(databases(1200))),
        (Call::Tablespaces, Said::Tablespaces(vec![tablespace])),
        (Call::ReplayLsn, Said::Replay(None)),
        (Call::Checkpoint, Said::Fail(failure)),
        (Call::Checkpoint, Said::Done),
        (Call::CheckpointLsn, Said::Lsn(Lsn(7))),
        (Call::Health, Said::Health(Box::default())),
        (Call::StopBackup, Said::Stopped(stop)),
    ]
}

#[test]
fn a_session_asks_and_answers_everything_and_a_failed_statement_does_not_end_it() {
    let mut scripted = ScriptedSession::new(script());
    scripted.version = PgVersion::V15;
    scripted.standby = true;
    scripted.timeout = Duration::from_millis(1500);
    let fixture = Fixture::new(cluster(), vec![Box::new(scripted)]);
    let mut session = fixture.host.connect().unwrap();
    assert_eq!(session.server_version(), PgVersion::V15);
    assert_eq!(session.data_directory(), "/pg");
    assert_eq!(session.archive_mode(), "on");
    assert_eq!(
        session.archive_command(),
        "pgbackrest --stanza=demo archive-push %p"
    );
    assert_eq!(session.checkpoint_timeout(), Duration::from_secs(300));
    assert_eq!(session.timeout(), Duration::from_millis(1500));
    assert!(session.is_standby());

    assert_eq!(session.is_in_recovery(), Ok(false));
    assert_eq!(session.time_ms(), Ok(1_800_000_000_900));
    assert_eq!(session.current_wal_file(), Ok(segment()));
    let start = session.start_backup("label", true).unwrap();
    assert_eq!(
        (start.lsn, start.wal_file, start.time_ms),
        (Lsn(0x0200_0028), segment(), 5)
    );
    assert_eq!(session.switch_wal_for_archive(), Ok(segment()));
    assert_eq!(session.databases(), Ok(databases(1200)));
    assert_eq!(session.tablespaces().unwrap()[0].name, "pg_default");
    assert_eq!(session.replay_lsn(), Ok(None));
    let error = session.checkpoint().unwrap_err();
    assert_eq!(error.kind(), pgkeep_postgres::ErrorKind::Query);
    assert_eq!(
        error.message(),
        "raised from remote-0 ssh protocol on 'other': unable to execute query 'checkpoint': ERROR:  no"
    );
    assert_eq!(error.hints(), ["look"]);
    assert_eq!(session.checkpoint(), Ok(()));
    assert_eq!(session.checkpoint_lsn(), Ok(Lsn(7)));
    assert_eq!(session.health(), Ok(Health::default()));
    let stop = session.stop_backup().unwrap();
    assert_eq!(
        (stop.lsn, &*stop.backup_label),
        (Lsn(0x0200_0100), "START\n")
    );
    assert_eq!(stop.tablespace_map.as_deref(), Some("1 /ts\n"));
}

#[test]
fn a_server_that_cannot_be_reached_is_told_with_its_code_and_hints() {
    let error = fixture().host.connect().err().unwrap();
    assert_eq!(error.code, ErrorCode::DbConnect);
    assert_eq!(
        error.message,
        "raised from remote-0 ssh protocol on 'other': unable to connect to 'dbname='postgres' port=5432'"
    );
    assert_eq!(error.hints, ["is the server running?"]);
}

/// What a session tells of itself: that its statement runs, and that it was dropped.
#[derive(Debug, PartialEq)]
enum Note {
    Runs,
    Cancelled,
    Dropped,
}

/// A session whose start of a backup waits until it is cancelled.
struct Waiting {
    calls: ScriptedSession,
    cancelled: Arc<(Mutex<bool>, Condvar)>,
    notes: Sender<Note>,
}

impl Waiting {
    fn new(script: Vec<(Call, Said)>) -> (Self, Receiver<Note>) {
        let (notes, noted) = channel();
        let waiting = Self {
            calls: ScriptedSession::new(script),
            cancelled: Arc::default(),
            notes,
        };
        (waiting, noted)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.notes.send(Note::Dropped);
    }
}

impl Session for Waiting {
    fn server_version(&self) -> PgVersion {
        self.calls.server_version()
    }

    fn data_directory(&self) -> &str {
        self.calls.data_directory()
    }

    fn archive_mode(&self) -> &str {
        self.calls.archive_mode()
    }

    fn archive_command(&self) -> &str {
        self.calls.archive_command()
    }

    fn checkpoint_timeout(&self) -> Duration {
        self.calls.checkpoint_timeout()
    }

    fn timeout(&self) -> Duration {
        self.calls.timeout()
    }

    fn is_standby(&self) -> bool {
        false
    }

    fn is_in_recovery(&mut self) -> pgkeep_postgres::Result<bool> {
        self.calls.is_in_recovery()
    }

    fn time_ms(&mut self) -> pgkeep_postgres::Result<u64> {
        self.calls.time_ms()
    }

    fn current_wal_file(&mut self) -> pgkeep_postgres::Result<WalSegment> {
        self.calls.current_wal_file()
    }

    fn start_backup(&mut self, _: &str, _: bool) -> pgkeep_postgres::Result<BackupStart> {
        self.notes.send(Note::Runs).unwrap();
        let (flag, changed) = &*self.cancelled;
        let mut flag = flag.lock().unwrap();
        while !*flag {
            flag = changed.wait(flag).unwrap();
        }
        Err(pgkeep_postgres::Error::new(
            pgkeep_postgres::ErrorKind::Cancelled,
            "cancelled",
        ))
    }

    fn stop_backup(&mut self) -> pgkeep_postgres::Result<BackupStop> {
        self.calls.stop_backup()
    }

    fn create_restore_point(&mut self, name: &str) -> pgkeep_postgres::Result<()> {
        self.calls.create_restore_point(name)
    }

    fn switch_wal(&mut self) -> pgkeep_postgres::Result<WalSegment> {
        self.calls.switch_wal()
    }

    fn databases(&mut self) -> pgkeep_postgres::Result<Vec<Database>> {
        self.calls.databases()
    }

    fn tablespaces(&mut self) -> pgkeep_postgres::Result<Vec<Tablespace>> {
        self.calls.tablespaces()
    }

    fn replay_lsn(&mut self) -> pgkeep_postgres::Result<Option<Lsn>> {
        self.calls.replay_lsn()
    }

    fn checkpoint(&mut self) -> pgkeep_postgres::Result<()> {
        self.calls.checkpoint()
    }

    fn checkpoint_lsn(&mut self) -> pgkeep_postgres::Result<Lsn> {
        self.calls.checkpoint_lsn()
    }

    fn health(&mut self) -> pgkeep_postgres::Result<Health> {
        self.calls.health()
    }

    fn cancel_handle(&self) -> CancelHandle {
        let (cancelled, notes) = (Arc::clone(&self.cancelled), self.notes.clone());
        CancelHandle::new(move || {
            let (flag, changed) = &*cancelled;
            *flag.lock().unwrap() = true;
            changed.notify_all();
            let _ = notes.send(Note::Cancelled);
        })
    }
}

#[test]
fn a_statement_can_be_cancelled_from_another_thread_and_the_session_is_closed_there() {
    let (waiting, noted) = Waiting::new(Vec::new());
    let fixture = Fixture::new(cluster(), vec![Box::new(waiting)]);
    let mut session = fixture.host.connect().unwrap();
    let cancel = session.cancel_handle();
    let thread = std::thread::spawn(move || session.start_backup("label", false));
    assert_eq!(noted.recv().unwrap(), Note::Runs);
    cancel.cancel();
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), pgkeep_postgres::ErrorKind::Cancelled);
    assert_eq!(noted.recv().unwrap(), Note::Cancelled);
    assert_eq!(noted.recv().unwrap(), Note::Dropped);
}

#[test]
fn a_session_that_was_cancelled_between_two_statements_asks_nothing_more() {
    let (waiting, noted) = Waiting::new(vec![(Call::TimeMs, Said::Time(1))]);
    let fixture = Fixture::new(cluster(), vec![Box::new(waiting)]);
    let mut session = fixture.host.connect().unwrap();
    assert_eq!(session.time_ms(), Ok(1));
    session.cancel_handle().cancel();
    assert_eq!(noted.recv().unwrap(), Note::Dropped);
    let error = session.time_ms().unwrap_err();
    assert_eq!(error.kind(), pgkeep_postgres::ErrorKind::Cancelled);
}

#[test]
fn a_session_that_is_dropped_is_closed_there() {
    let (waiting, noted) = Waiting::new(Vec::new());
    let fixture = Fixture::new(cluster(), vec![Box::new(waiting)]);
    drop(fixture.host.connect().unwrap());
    assert_eq!(noted.recv().unwrap(), Note::Dropped);
}

#[test]
fn a_statement_is_cancelled_and_the_session_closed_when_the_connection_is_lost() {
    let (waiting, noted) = Waiting::new(Vec::new());
    let fixture = Fixture::new(cluster(), vec![Box::new(waiting)]);
    let mut session = fixture.host.connect().unwrap();
    let thread = std::thread::spawn(move || session.start_backup("label", false));
    assert_eq!(noted.recv().unwrap(), Note::Runs);
    fixture.there.cut.set(1);
    // Somebody says something, which does not come through.
    let _ = fixture.host.info(&StoragePath::root(), InfoLevel::Exists);
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), pgkeep_postgres::ErrorKind::Host);
    let expected = "the database session was lost: remote-0 ssh protocol on 'other': ";
    assert!(error.message().starts_with(expected), "{error}");
    assert_eq!(noted.recv().unwrap(), Note::Cancelled);
    assert_eq!(noted.recv().unwrap(), Note::Dropped);
}

/// Cuts the connection at the first write, the second, … until `run` is through without a cut. Returns how many it took.
fn every_cut(fixture: &Fixture, mut run: impl FnMut(&RemotePgHost) -> Result<()>) -> usize {
    for at in 1..10_000 {
        let host = Fixture::host(&fixture.there, 0);
        fixture.there.cut.set(at);
        let result = run(&host);
        let cut = fixture.there.cut.happened();
        fixture.there.cut.set(0);
        match result {
            // The goodbye may be what was cut.
            Ok(()) if !cut => return at,
            Ok(()) => {}
            Err(error) => {
                assert!(cut, "{error}");
                assert_eq!(error.code, ErrorCode::Protocol, "{error}");
                assert!(error.message.contains("on 'other'"), "{error}");
                // The next job makes the connection anew.
                run(&host).unwrap();
            }
        }
        drop(host);
        fixture.there.wait_idle();
    }
    panic!("it never ends")
}

#[test]
fn a_connection_that_is_cut_anywhere_in_a_file_is_an_error_and_the_next_try_is_whole() {
    let content = b"0123456789".repeat(5_000);
    let files = DataDirBuilder::new("17")
        .unwrap()
        .file("text", content.clone());
    let fixture = Fixture::new(files, Vec::new());
    let cuts = every_cut(&fixture, |host| {
        let (outcome, received): (_, Received) = read(host, request("text", vec![Stage::Sha1]))?;
        // Nothing that was cut passes for a whole file.
        assert_eq!(
            outcome,
            ReadOutcome::Read(vec![Report::Sha1(Sha1Digest::of(&content))])
        );
        assert!(received.bytes == content);
        Ok(())
    });
    assert!(cuts > 8, "{cuts}");
}

#[test]
fn a_connection_that_is_cut_anywhere_in_a_session_is_an_error_and_the_session_is_closed() {
    let (notes, noted) = channel();
    let sessions = (0..200).map(|_| {
        let (flag, notes) = (Arc::default(), notes.clone());
        let calls = ScriptedSession::new([
            (Call::TimeMs, Said::Time(1)),
            (Call::Databases, Said::Databases(databases(3))),
        ]);
        let session: Box<dyn Session> = Box::new(Waiting {
            calls,
            cancelled: flag,
            notes,
        });
        session
    });
    let fixture = Fixture::new(cluster(), sessions.collect());
    let mut opened = 0;
    let cuts = every_cut(&fixture, |host| {
        let mut session = host.connect()?;
        opened += 1;
        session.time_ms()?;
        assert_eq!(session.databases()?.len(), 3);
        Ok(())
    });
    assert!(cuts > 6, "{cuts}");
    // All that were opened there are closed there, also those whose client never heard of them.
    let closed = noted.try_iter().count();
    assert!(closed >= opened, "{closed} of {opened}");
}
