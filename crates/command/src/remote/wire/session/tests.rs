use pgkeep_postgres::Lsn;
use pgkeep_postgres::session::ScriptedSession;

use super::*;

fn same<T>(value: &T, golden: &str)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
{
    assert_eq!(serde_json::to_string(value).unwrap(), golden);
    assert_eq!(&serde_json::from_str::<T>(golden).unwrap(), value);
}

#[test]
fn questions_have_the_form_of_the_first_release() {
    for (ask, golden) in [
        (SessionAsk::IsInRecovery, r#""is_in_recovery""#),
        (SessionAsk::TimeMs, r#""time_ms""#),
        (SessionAsk::CurrentWalFile, r#""current_wal_file""#),
        (
            SessionAsk::StartBackup {
                label: "l".to_owned(),
                fast: true,
            },
            r#"{"start_backup":{"label":"l","fast":true}}"#,
        ),
        (SessionAsk::StopBackup, r#""stop_backup""#),
        (
            SessionAsk::CreateRestorePoint {
                name: "p".to_owned(),
            },
            r#"{"create_restore_point":{"name":"p"}}"#,
        ),
        (SessionAsk::SwitchWal, r#""switch_wal""#),
        (SessionAsk::Databases, r#""databases""#),
        (SessionAsk::Tablespaces, r#""tablespaces""#),
        (SessionAsk::ReplayLsn, r#""replay_lsn""#),
        (SessionAsk::Checkpoint, r#""checkpoint""#),
        (SessionAsk::CheckpointLsn, r#""checkpoint_lsn""#),
        (SessionAsk::Health, r#""health""#),
    ] {
        same(&ask, golden);
    }
}

#[test]
fn answers_have_the_form_of_the_first_release() {
    let wal_file = WalSegment::parse("000000010000000000000002").unwrap();
    let start = BackupStart {
        lsn: Lsn(0x0200_0028),
        wal_file,
        time_ms: 9,
    };
    let stop = BackupStop {
        lsn: Lsn(0x0200_0100),
        wal_file,
        backup_label: "START\n".to_owned(),
        tablespace_map: None,
        time_ms: 10,
    };
    let database = Database {
        oid: 5,
        name: "postgres".to_owned(),
        last_system_oid: 4,
    };
    let tablespace = Tablespace {
        oid: 1663,
        name: "pg_default".to_owned(),
    };
    for (answer, golden) in [
        (SessionAnswer::Done, r#""done""#),
        (SessionAnswer::Recovery(true), r#"{"recovery":true}"#),
        (SessionAnswer::Time(7), r#"{"time":7}"#),
        (
            SessionAnswer::Segment(wal_file.to_string()),
            r#"{"segment":"000000010000000000000002"}"#,
        ),
        (
            SessionAnswer::started(start),
            r#"{"started":{"lsn":"0/2000028","wal_file":"000000010000000000000002","time_ms":9}}"#,
        ),
        (
            SessionAnswer::stopped(stop),
            r#"{"stopped":{"lsn":"0/2000100","wal_file":"000000010000000000000002","backup_label":"START\n","tablespace_map":null,"time_ms":10}}"#,
        ),
        (
            SessionAnswer::Databases {
                rows: vec![database.into()],
                more: false,
            },
            r#"{"databases":{"rows":[{"oid":5,"name":"postgres","last_system_oid":4}],"more":false}}"#,
        ),
        (
            SessionAnswer::Tablespaces {
                rows: vec![tablespace.into()],
                more: true,
            },
            r#"{"tablespaces":{"rows":[{"oid":1663,"name":"pg_default"}],"more":true}}"#,
        ),
        (SessionAnswer::Lsn(None), r#"{"lsn":null}"#),
        (
            SessionAnswer::Lsn(Some("0/1".to_owned())),
            r#"{"lsn":"0/1"}"#,
        ),
        (
            SessionAnswer::Failed((&Error::new(ErrorKind::Query, "no").hint("look")).into()),
            r#"{"failed":{"kind":"query","message":"no","hints":["look"]}}"#,
        ),
    ] {
        same(&answer, golden);
    }
}

#[test]
fn what_a_session_says_at_first_comes_back_and_later_fields_are_ignored() {
    let session = ScriptedSession::new([]);
    let opened = SessionOpened::of(&session);
    same(
        &opened,
        r#"{"version":170000,"data_directory":"/pg","archive_mode":"on","archive_command":"pgbackrest --stanza=demo archive-push %p","checkpoint_timeout":300,"timeout":1800000,"standby":false}"#,
    );
    assert_eq!(opened.version(), PgVersion::V17);
    let later: SessionOpened = serde_json::from_str(r#"{"version":170000,"system_id":9}"#).unwrap();
    assert_eq!(later.version(), PgVersion::V17);
}

#[test]
fn health_comes_back_as_it_was() {
    let health = Health {
        wal_level: "replica".to_owned(),
        archive_timeout: Duration::from_secs(60),
        full_page_writes: true,
        data_checksums: true,
        archive_library: "l".to_owned(),
        archived: 3,
        last_archived: Some(Archived {
            file: "000000010000000000000002".to_owned(),
            at: 1_800_000_000,
        }),
        last_failed: None,
        current_wal: Some("000000010000000000000003".to_owned()),
        unfinished: vec!["\"a.unfinished\"".to_owned()],
        now: 1_800_000_001,
    };
    let wire = WireHealth::from(health.clone());
    same(
        &wire,
        r#"{"wal_level":"replica","archive_timeout":60,"full_page_writes":true,"data_checksums":true,"archive_library":"l","archived":3,"last_archived":{"file":"000000010000000000000002","at":1800000000},"last_failed":null,"current_wal":"000000010000000000000003","unfinished":["\"a.unfinished\""],"now":1800000001}"#,
    );
    assert_eq!(Health::from(wire), health);
}

#[test]
fn every_kind_of_error_comes_back_with_the_name_of_the_host() {
    for (kind, _) in KINDS {
        let error = Error::new(kind, "it failed").hint("look");
        let back = WireError::from(&error).error("raised from x: ");
        assert_eq!(
            back,
            Error::new(kind, "raised from x: it failed").hint("look")
        );
    }
    let later: WireError = serde_json::from_str(r#"{"kind":"weather","message":"m"}"#).unwrap();
    assert_eq!(later.error("").kind(), ErrorKind::Query);
}

#[test]
fn numbers_that_cannot_be_do_no_harm() {
    let opened: SessionOpened = serde_json::from_str(
        r#"{"checkpoint_timeout":18446744073709551615,"timeout":18446744073709551615}"#,
    )
    .unwrap();
    assert_eq!(opened.checkpoint_timeout().as_secs(), LONGEST_SECONDS);
    assert_eq!(opened.timeout().as_secs(), LONGEST_SECONDS);
    assert!(time(u64::MAX).is_err());
    assert!(backup_start("0/1", "000000010000000000000002", u64::MAX).is_err());
    assert!(backup_start("x", "000000010000000000000002", 1).is_err());
    assert!(backup_start("0/1", "x", 1).is_err());
    let health: WireHealth = serde_json::from_str(
        r#"{"archive_timeout":18446744073709551615,"now":9223372036854775807}"#,
    )
    .unwrap();
    let health = Health::from(health);
    assert!(health.now.checked_add(health.now).is_some());
}
