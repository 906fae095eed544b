//! What the lists of both sides say about WAL, and what is wrong with one backup alone.

use super::*;

#[test]
fn wal_that_only_the_target_has_is_there() {
    let (source, target) = (Place::source(), Place::new());
    source.remove(&wal_path(5));
    target.wal(5);
    copy_all(&source, &target).unwrap();
    assert_eq!(target.labels(), [FULL, INCR, LATER]);
}

#[test]
fn a_backup_that_did_not_ask_for_its_wal_comes_without() {
    for (archive_check, expected) in [(false, None), (true, Some(ErrorCode::FileMissing))] {
        let (source, target) = (Place::new(), Place::empty());
        source.add(Made {
            wal: Some((1, 2)),
            archive_check,
            ..Made::new(FULL)
        });
        let code = copy_all(&source, &target).err().map(|error| error.code);
        assert_eq!(code, expected);
        assert_eq!(target.labels().len(), usize::from(expected.is_none()));
    }
}

#[test]
fn all_wal_of_a_backup_that_names_none_is_told_to_be_none() {
    let (source, target) = (Place::new(), Place::empty());
    source.add(Made::new(FULL));
    source.wal(1);
    let said = Run {
        options: &["--dry-run", "--set=latest", "--wal=all"],
        ..Run::default()
    }
    .said(&source, &target);
    assert!(
        said.contains("names no WAL: --wal=all copies none for it"),
        "{said}"
    );
}

#[test]
fn a_chain_that_does_not_fit_stops_no_other() {
    let (source, mut target) = (Place::source(), Place::empty());
    target.pass = Some(SecretString::from("pass"));
    let run = Run {
        options: &["--set=20260101-000000F"],
        ..Run::default()
    };
    run.copy(&source, &target).unwrap();
    // Both files of the manifest of the full backup are damaged.
    for name in ["backup.manifest", "backup.manifest.copy"] {
        let path = format!("backup/demo/{FULL}/{name}");
        write(&target.memory, &path, b"no manifest");
    }
    let error = copy_all(&source, &target).unwrap_err();
    assert_eq!(error.code, ErrorCode::Crypto, "{error}");
    assert_eq!(target.labels(), [FULL, LATER]);
}

#[test]
fn a_damaged_set_is_no_set_in_progress_afterwards() {
    let (source, target) = (Place::source(), Place::empty());
    let damaged = vec![b'x'; content(LATER, 1).len()];
    write(&source.memory, &file_path(LATER, 1), &damaged);
    let error = copy_all(&source, &target).unwrap_err();
    assert_eq!(error.code, ErrorCode::Checksum, "{error}");
    assert_eq!(target.labels(), [FULL, INCR]);
    assert!(!target.has(&format!("backup/demo/{LATER}/backup.manifest.copy")));
    // What is sound of it stays for the next run.
    assert!(target.has(&file_path(LATER, 0)));
}
