//! What others do to both sides while a copy runs.

use super::*;

#[test]
fn a_set_that_an_expire_of_another_host_removes_is_not_published() {
    let (source, target) = (Place::source(), Place::empty());
    let there = target.memory.clone();
    // Another file than the last: nothing else would tell.
    let code = copy_meanwhile((&source, &target), &file_path(FULL, 2), move || {
        there.remove(&StoragePath::new(file_path(FULL, 0))).unwrap();
    });
    assert_eq!(code, Some(ErrorCode::FileMissing));
    target.must_be_whole();
    assert_eq!(target.labels(), [LATER]);
    copy_all(&source, &target).unwrap();
    target.must_be_whole();
    assert_eq!(target.labels(), [FULL, INCR, LATER]);
}

#[test]
fn a_set_whose_wal_is_removed_meanwhile_is_not_published() {
    let (source, target) = (Place::source(), Place::empty());
    let there = target.memory.clone();
    let code = copy_meanwhile((&source, &target), &file_path(LATER, 0), move || {
        there.remove(&StoragePath::new(wal_path(6))).unwrap();
    });
    assert_eq!(code, Some(ErrorCode::FileMissing));
    assert_eq!(target.labels(), [FULL, INCR]);
    copy_all(&source, &target).unwrap();
    assert_eq!(target.labels(), [FULL, INCR, LATER]);
    assert!(target.has(&wal_path(6)));
}

#[test]
fn a_set_does_not_come_without_the_one_it_builds_on() {
    let (source, target) = (Place::source(), Place::empty());
    let there = target.memory.clone();
    let code = copy_meanwhile((&source, &target), &file_path(INCR, 0), move || {
        there
            .remove(&layout::manifest(&stanza(), &label(FULL)))
            .unwrap();
        let mut info = BackupInfo::load(&there, &stanza(), None).unwrap();
        info.remove(&label(FULL));
        info.save(&there, &stanza(), None).unwrap();
    });
    assert_eq!(code, Some(ErrorCode::FileMissing));
    assert_eq!(target.labels(), [LATER]);
}

#[test]
fn what_others_list_in_the_target_stays_listed() {
    const THEIRS: &str = "20260301-000000F";
    let (source, target) = (Place::source(), Place::new());
    let theirs = Place {
        memory: target.memory.clone(),
        pass: None,
    };
    let code = copy_meanwhile((&source, &target), &file_path(FULL, 2), move || {
        theirs.add(Made::new(THEIRS));
    });
    assert_eq!(code, None);
    assert_eq!(target.labels(), [FULL, INCR, LATER, THEIRS]);
    target.must_be_whole();
}

#[test]
fn what_is_expired_in_the_source_meanwhile_is_no_fault_unless_it_was_chosen() {
    for (options, expected) in [
        (&[][..], None),
        (
            &["--set=20260101-000000F_20260102-000000I"][..],
            Some(ErrorCode::FileMissing),
        ),
    ] {
        let (source, target) = (Place::source(), Place::empty());
        let there = source.memory.clone();
        // The WAL of the set comes first; then its files are gone.
        let run = Run {
            options,
            progress: Arc::new(Meanwhile {
                after: wal_path(2),
                does: Mutex::new(Some(Box::new(move || {
                    let mut info = BackupInfo::load(&there, &stanza(), None).unwrap();
                    info.remove(&label(INCR));
                    info.remove(&label(FULL));
                    info.save(&there, &stanza(), None).unwrap();
                    let set = layout::set_path(&stanza(), &label(FULL));
                    there.remove_tree(&set.join("pg_data")).unwrap();
                }))),
            }),
            fault: None,
        };
        let code = run.copy(&source, &target).err().map(|error| error.code);
        assert_eq!(code, expected);
        target.must_be_whole();
        assert!(!target.has(&format!("backup/demo/{FULL}")), "it is left");
    }
}

#[test]
fn a_chosen_set_whose_wal_is_gone_is_an_error() {
    let (source, target) = (Place::source(), Place::empty());
    let there = source.memory.clone();
    let code = copy_meanwhile((&source, &target), &file_path(FULL, 0), move || {
        there.remove(&StoragePath::new(wal_path(5))).unwrap();
    });
    assert_eq!(code, Some(ErrorCode::FileMissing));
    assert_eq!(target.labels(), [FULL, INCR]);
}
