//! Online backups against a scripted session: start, stop, archive check.

use pgkeep_postgres::session::scripted::{Answer, Call, ScriptedSession};
use pgkeep_postgres::session::{BackupStart, BackupStop, Database, RESTORE_POINT, Tablespace};
use pgkeep_postgres::wal::segment::WalSegment;
use pgkeep_postgres::{Lsn, PgVersion};
use pgkeep_repo::ArchiveInfo;

use super::*;
use crate::backup::standby::Standbys;
use crate::hosts::cluster::Cluster;

const SEGMENT: &str = "000000010000000000000001";
const NEXT: &str = "000000010000000000000002";
const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

fn segment(name: &str) -> WalSegment {
    WalSegment::parse(name).unwrap()
}

fn started(wal_file: &str) -> Answer {
    Answer::Started(BackupStart {
        lsn: Lsn(0x0100_0028),
        wal_file: segment(wal_file),
        time_ms: 1_800_000_000_100,
    })
}

fn lists() -> Vec<(Call, Answer)> {
    let database = |oid, name: &str| Database {
        oid,
        name: name.to_owned(),
        last_system_oid: 4,
    };
    vec![
        (
            Call::Databases,
            Answer::Databases(vec![database(5, "postgres"), database(16_400, "db")]),
        ),
        (
            Call::Tablespaces,
            Answer::Tablespaces(vec![Tablespace {
                oid: 1663,
                name: "pg_default".to_owned(),
            }]),
        ),
    ]
}

/// What is asked between the lists and the stop: the time until it shows another second, and whether it still is a primary.
fn middle() -> Vec<(Call, Answer)> {
    vec![
        (Call::TimeMs, Answer::Time(1_800_000_001_700)),
        (Call::TimeMs, Answer::Time(1_800_000_001_999)),
        (Call::TimeMs, Answer::Time(1_800_000_002_001)),
        (Call::IsInRecovery, Answer::Bool(false)),
    ]
}

fn stopped(map: Option<&str>) -> (Call, Answer) {
    (
        Call::StopBackup,
        Answer::Stopped(BackupStop {
            lsn: Lsn(0x0100_0100),
            wal_file: segment(SEGMENT),
            backup_label: "START WAL LOCATION\n".to_owned(),
            tablespace_map: map.map(str::to_owned),
            time_ms: 1_800_000_005_300,
        }),
    )
}

fn online(fixture: &Fixture, more: &[&str], script: Vec<(Call, Answer)>) -> Result<()> {
    let context = fixture.context(more, Moments::default());
    let mut session = ScriptedSession::new(script);
    session.data_directory = fixture.pg_path().display().to_string();
    session.version = PgVersion::V17;
    make(
        &context,
        &Settings::from(&context)?,
        &fixture.repository,
        |context, _| {
            let host = fixture.host(context);
            let (control, _) = crate::hosts::cluster::read_control(context, &*host)?;
            Ok(Source::online(
                context,
                Cluster {
                    host,
                    session: Box::new(session),
                    control,
                },
                Standbys::default(),
            ))
        },
    )
}

fn archive(fixture: &Fixture, name: &str, content: &[u8]) {
    let info = ArchiveInfo::load(
        &fixture.memory,
        &fixture.stanza(),
        fixture.repository.pass.as_ref(),
    )
    .unwrap();
    let id = info.history.current().archive_id();
    let path = layout::archive_file(&fixture.stanza(), &id, &format!("{name}-{SHA1}"));
    pgkeep_storage::copy::write_all(&fixture.memory, &path, &Default::default(), content).unwrap();
}

#[test]
fn an_online_backup_asks_in_order_and_keeps_what_the_server_returned() {
    let fixture = Fixture::new(cluster(), &[]);
    archive(&fixture, SEGMENT, b"wal");
    let mut script = vec![
        (Call::TimeMs, Answer::Time(1_800_000_000_900)),
        (Call::CurrentWalFile, Answer::Segment(segment(SEGMENT))),
        (Call::StartBackup { fast: true }, started(SEGMENT)),
        // The start did not switch, so a switch is forced to see archiving work.
        (
            Call::CreateRestorePoint(RESTORE_POINT.to_owned()),
            Answer::Done,
        ),
        (Call::SwitchWal, Answer::Segment(segment(SEGMENT))),
    ];
    script.extend(lists());
    script.extend(middle());
    script.push(stopped(Some("16384 /ts\n")));
    online(
        &fixture,
        &["--type=full", "--start-fast", "--archive-copy"],
        script,
    )
    .unwrap();
    let manifest = fixture.check_without_wal(&fixture.newest());
    let backup = &manifest.backup;
    assert_eq!(backup.label.as_ref().unwrap().as_str(), "20270115-080000F");
    assert_eq!(
        (backup.timestamp_start, backup.timestamp_copy_start),
        (1_800_000_000, 1_800_000_002)
    );
    assert_eq!(backup.timestamp_stop, 1_800_000_005);
    assert_eq!(
        (backup.lsn_start.as_deref(), backup.lsn_stop.as_deref()),
        (Some("0/1000028"), Some("0/1000100"))
    );
    assert_eq!(backup.archive_start.as_deref(), Some(SEGMENT));
    assert_eq!(
        fixture.content(&manifest, "pg_data/backup_label"),
        b"START WAL LOCATION\n"
    );
    assert_eq!(
        fixture.content(&manifest, "pg_data/tablespace_map"),
        b"16384 /ts\n"
    );
    let databases: Vec<&[u8]> = manifest
        .databases()
        .iter()
        .map(|database| database.name.as_slice())
        .collect();
    assert_eq!(databases, [&b"db"[..], b"postgres"]);
    let wal = manifest
        .file(format!("pg_data/pg_wal/{SEGMENT}").as_bytes())
        .unwrap();
    assert_eq!(
        (wal.size, wal.timestamp, wal.repo_checksum),
        (16 << 20, 1_800_000_005, None)
    );
    assert_eq!(wal.checksum.unwrap().to_string(), SHA1);
    assert_eq!(
        manifest.options.checksum_page,
        Some(true),
        "the cluster has checksums"
    );
}

#[test]
fn wal_that_does_not_reach_the_archive_ends_the_backup_before_anything_is_copied() {
    let fixture = Fixture::new(cluster(), &["--archive-timeout=100ms"]);
    let mut script = vec![
        (Call::TimeMs, Answer::Time(1_800_000_000_900)),
        (Call::CurrentWalFile, Answer::Segment(segment(SEGMENT))),
        (Call::StartBackup { fast: false }, started(NEXT)),
    ];
    script.extend(lists());
    let error = online(&fixture, &["--type=full"], script).unwrap_err();
    assert_eq!(error.code, ErrorCode::ArchiveTimeout);
    assert!(error.message.contains(SEGMENT), "{}", error.message);
    assert!(
        list_sets(&fixture.memory, &fixture.stanza())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_missing_last_segment_leaves_a_backup_that_can_be_resumed() {
    let fixture = Fixture::new(cluster(), &["--archive-timeout=100ms"]);
    archive(&fixture, NEXT, b"wal");
    let script = |start: Option<&str>| {
        let mut script = vec![(Call::TimeMs, Answer::Time(1_800_000_000_900))];
        script.extend(start.map(|_| (Call::CurrentWalFile, Answer::Segment(segment(NEXT)))));
        script.push((Call::StartBackup { fast: false }, started(SEGMENT)));
        script.extend(lists());
        script.extend(middle());
        script.push(stopped(None));
        script
    };
    let error = online(&fixture, &["--type=full"], script(Some(NEXT))).unwrap_err();
    assert_eq!(error.code, ErrorCode::ArchiveTimeout);
    let left = list_sets(&fixture.memory, &fixture.stanza()).unwrap();
    online(
        &fixture,
        &["--type=full", "--no-archive-check"],
        script(None),
    )
    .unwrap();
    assert_eq!(left, [fixture.newest()]);
    fixture.check(&fixture.newest());
}

#[test]
fn a_cluster_that_became_a_standby_ends_the_backup() {
    let fixture = Fixture::new(cluster(), &["--no-archive-check"]);
    let mut script = vec![
        (Call::TimeMs, Answer::Time(1_800_000_000_900)),
        (Call::StartBackup { fast: false }, started(SEGMENT)),
    ];
    script.extend(lists());
    script.extend(middle());
    *script.last_mut().unwrap() = (Call::IsInRecovery, Answer::Bool(true));
    let error = online(&fixture, &["--type=full"], script).unwrap_err();
    assert_eq!(error.code, ErrorCode::DbMismatch);
    assert_eq!(error.message, "primary has switched to recovery");
}

#[test]
fn a_checkpoint_that_is_not_on_disk_betrays_another_cluster() {
    let fixture = Fixture::new(cluster().checkpoint(0x28), &["--no-archive-check"]);
    let script = vec![
        (Call::TimeMs, Answer::Time(1_800_000_000_900)),
        (Call::StartBackup { fast: false }, started(SEGMENT)),
    ];
    let error = online(&fixture, &["--type=full"], script).unwrap_err();
    assert_eq!(
        error.message,
        "current checkpoint '0/28' is less than backup start '0/1000028'"
    );
}

#[test]
fn a_clock_that_stands_still_is_noticed() {
    let fixture = Fixture::new(cluster(), &["--no-archive-check"]);
    let mut script = vec![
        (Call::TimeMs, Answer::Time(1_800_000_000_900)),
        (Call::StartBackup { fast: false }, started(SEGMENT)),
    ];
    script.extend(lists());
    script.extend((0..4).map(|_| (Call::TimeMs, Answer::Time(1_800_000_001_000))));
    let error = online(&fixture, &["--type=full"], script).unwrap_err();
    assert_eq!(error.code, ErrorCode::Kernel);
    assert_eq!(
        error.message,
        "PostgreSQL clock has not advanced to the next second after 3 tries"
    );
}

impl Fixture {
    /// [`Fixture::check`] but for WAL that is not what its name says.
    fn check_without_wal(&self, label: &BackupLabel) -> Manifest {
        let manifest = self.manifest(label);
        for file in manifest
            .files()
            .filter(|file| !file.name.to_string().contains("/pg_wal/"))
        {
            let stored = self.stored(&manifest, &file);
            assert_eq!(
                Sha1Digest::of(&stored),
                file.repo_checksum.or(file.checksum).unwrap(),
                "{}",
                file.name
            );
        }
        manifest
    }
}
