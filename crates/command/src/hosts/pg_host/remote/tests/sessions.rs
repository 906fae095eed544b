//! Sessions with the server: every call, cancelling, and what is lost with a connection.

use super::*;

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
