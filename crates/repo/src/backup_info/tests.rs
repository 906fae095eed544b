use super::*;
use crate::pg_history::PgHistoryEntry;

/// Spec A.1: a real line of `[backup:current]`.
const LINE: &str = r#"{"backrest-format":5,"backrest-version":"2.60.0dev","backup-archive-start":"00000001000000000000002E","backup-archive-stop":"00000001000000000000002E","backup-error":false,"backup-info-repo-size":7718940,"backup-info-repo-size-delta":7718940,"backup-info-size":66050360,"backup-info-size-delta":66050360,"backup-lsn-start":"0/2E000028","backup-lsn-stop":"0/2E000100","backup-timestamp-start":1795493980,"backup-timestamp-stop":1795493981,"backup-type":"full","db-id":1,"option-archive-check":false,"option-archive-copy":false,"option-backup-standby":false,"option-checksum-page":true,"option-compress":true,"option-hardlink":false,"option-online":true}"#;

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

fn entry(text: &str, prior: Option<&str>) -> BackupEntry {
    BackupEntry {
        prior: prior.map(label),
        ..BackupEntry::parse(label(text), LINE.as_bytes()).unwrap()
    }
}

fn info() -> BackupInfo {
    BackupInfo::new(
        PgHistory::new(PgHistoryEntry {
            id: 0,
            system_id: 7_711_582_491_497_792_841,
            version: "15".to_owned(),
            catalog_version: 202_209_061,
            control_version: 1300,
        }),
        None,
    )
}

#[test]
fn an_entry_of_pgbackrest_is_written_again_unchanged() {
    let mut out = Vec::new();
    entry("20261124-041940F", None).write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), LINE);
}

#[test]
fn optional_keys_are_kept_or_left_out() {
    let line = LINE
        .replace("\"backup-archive-start\":\"00000001000000000000002E\"", "\"backup-annotation\":{\"a\":\"b \\\"\"},\"backup-archive-start\":null")
        .replace("\"backup-archive-stop\":\"00000001000000000000002E\"", "\"backup-archive-stop\":null")
        .replace("\"backup-error\":false,", "")
        .replace("\"backup-info-size\"", "\"backup-info-repo-size-map\":5,\"backup-info-repo-size-map-delta\":3,\"backup-info-size\"")
        .replace(
            "\"backup-timestamp-start\"",
            "\"backup-prior\":\"20261124-041940F\",\"backup-reference\":[\"20261124-041940F\"],\"backup-timestamp-start\"",
        );
    let entry =
        BackupEntry::parse(label("20261124-041940F_20261124-041941I"), line.as_bytes()).unwrap();
    assert_eq!(entry.repo_size_map, Some(MapSize { all: 5, delta: 3 }));
    let mut out = Vec::new();
    entry.write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), line);
}

#[test]
fn a_missing_required_key_is_a_json_error() {
    let line = LINE.replace("\"option-online\":true", "\"option-unknown\":[1,{}]");
    let error = BackupEntry::parse(label("20261124-041940F"), line.as_bytes()).unwrap_err();
    assert_eq!(error.text(), "required key 'option-online' not found");
    assert_eq!(error.kind, crate::ErrorType::JsonFormat);
}

#[test]
fn entries_stay_sorted_and_survive_a_round_trip() {
    let mut info = info();
    info.add(entry("20261124-041940F", None));
    info.add(entry("20261123-041940F", None));
    let mut text = Vec::new();
    info.write(&mut text, "x").unwrap();
    let read = BackupInfo::parse(&mut &text[..]).unwrap();
    assert_eq!(read.entries(), info.entries());
    assert!(read.entries()[0].label < read.entries()[1].label);
    assert!(!read.is_updated());
    assert!(info.remove(&label("20261123-041940F")));
    assert!(!info.remove(&label("20261123-041940F")));
}

#[test]
fn dependents_are_found_through_the_chain() {
    let mut info = info();
    info.add(entry("20261124-000000F", None));
    info.add(entry(
        "20261124-000000F_20261124-000001D",
        Some("20261124-000000F"),
    ));
    info.add(entry(
        "20261124-000000F_20261124-000002I",
        Some("20261124-000000F_20261124-000001D"),
    ));
    info.add(entry(
        "20261124-000000F_20261124-000003D",
        Some("20261124-000000F"),
    ));
    let of_diff = info.dependents(&label("20261124-000000F_20261124-000001D"));
    assert_eq!(
        of_diff,
        [
            label("20261124-000000F_20261124-000001D"),
            label("20261124-000000F_20261124-000002I")
        ]
    );
    assert_eq!(info.dependents(&label("20261124-000000F")).len(), 4);
}

#[test]
fn an_empty_annotation_removes_its_key() {
    let mut info = info();
    info.add(entry("20261124-000000F", None));
    let change = |key: &str, value: &str| Annotations::from([(key.into(), value.into())]);
    assert!(info.annotate(&label("20261124-000000F"), &change("a", "b")));
    assert_eq!(info.entries()[0].annotations, change("a", "b"));
    assert!(info.annotate(&label("20261124-000000F"), &change("a", "")));
    assert!(info.entries()[0].annotations.is_empty());
    assert!(!info.annotate(&label("20261125-000000F"), &change("a", "b")));
}

#[test]
fn an_annotation_key_that_no_reader_takes_is_never_written() {
    let mut info = info();
    info.add(entry("20261124-000000F", None));
    let annotate = |info: &mut BackupInfo, key: &[u8]| {
        let changes = Annotations::from([(key.to_vec(), b"v".to_vec())]);
        info.annotate(&label("20261124-000000F"), &changes);
        let mut out = Vec::new();
        info.write(&mut out, "1").map(|()| out)
    };
    // Control characters stand in keys as they are.
    let out = annotate(&mut info, b"a b\x0c\t=").unwrap();
    let read = BackupInfo::parse(&mut &out[..]).unwrap();
    assert_eq!(read.entries()[0].annotations, info.entries()[0].annotations);
    for key in [&b"a\"b"[..], b"a\\b", b"a\nb"] {
        assert!(!is_annotation_key(key));
        assert!(annotate(&mut info.clone(), key).is_err());
    }
}
