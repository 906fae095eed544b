//! A run that dies at every storage operation of the target: what has a manifest is whole, and the next run goes on.

use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, FaultySettings};

use super::*;

fn dying_at(at: u64) -> Arc<FaultPlan> {
    FaultPlan::new(FaultySettings {
        at,
        fault: Fault::Error(pgkeep_storage::ErrorKind::Broken),
    })
}

fn sweep(source: &Place, target: &dyn Fn() -> Place) {
    let mut points = 0;
    loop {
        points += 1;
        let target = target();
        let plan = dying_at(points);
        let run = Run {
            fault: Some(Arc::clone(&plan)),
            ..Run::default()
        };
        // A list that cannot be read is taken from its copy.
        let _ = run.copy(source, &target);
        if target.has("backup/demo/backup.info") {
            target.must_be_whole();
        }
        copy_all(source, &target).unwrap_or_else(|error| panic!("{points}: {error}"));
        target.must_be_whole();
        assert_eq!(target.labels(), [FULL, INCR, LATER], "{points}");
        for number in 1..=6 {
            assert!(target.has(&wal_path(number)), "{points}");
        }
        if plan.struck().is_none() {
            break;
        }
    }
    assert!(points > 100, "only {points} operations");
}

#[test]
fn a_run_that_dies_anywhere_leaves_nothing_half_and_is_continued() {
    sweep(&Place::source(), &Place::empty);
}

/// A set that no list names, of another cluster, is in the way.
fn with_another_set() -> Place {
    let target = Place::new();
    target.store(Made {
        system_id: 8,
        ..Made::new(LATER)
    });
    for number in 0..FILES {
        let other = vec![b'x'; content(LATER, number).len()];
        write(&target.memory, &file_path(LATER, number), &other);
    }
    target
}

#[test]
fn a_set_that_is_not_listed_gives_way_with_its_manifest_first() {
    let source = Place::source();
    let files = |target: &Place| -> Vec<_> {
        (0..FILES)
            .map(|number| read(&target.memory, &file_path(LATER, number)))
            .collect()
    };
    let before = files(&with_another_set());
    let mut points = 0;
    loop {
        points += 1;
        let target = with_another_set();
        let plan = dying_at(points);
        let run = Run {
            fault: Some(Arc::clone(&plan)),
            ..Run::default()
        };
        let _ = run.copy(&source, &target);
        let path = layout::manifest(&stanza(), &label(LATER));
        if let Some(text) = read(&target.memory, &path.to_string())
            && String::from_utf8(text).unwrap().contains("db-system-id=8")
        {
            assert_eq!(files(&target), before, "{points}");
        }
        if plan.struck().is_none() {
            target.must_be_whole();
            break;
        }
    }
}

/// A target in which a run died in the first set, after its first file.
fn begun(source: &Place) -> Place {
    let target = Place::empty();
    let mut at = 0;
    while !target.has(&file_path(FULL, 0)) {
        at += 1;
        let run = Run {
            fault: Some(dying_at(at)),
            ..Run::default()
        };
        run.copy(source, &target).unwrap_err();
    }
    assert!(target.has(&format!("backup/demo/{FULL}/pgkeep.copied")));
    target
}

#[test]
fn a_file_that_an_earlier_run_brought_is_not_copied_again() {
    let source = Place::source();
    let target = begun(&source);
    source.remove(&file_path(FULL, 0));
    // What the run was writing when it died.
    let half = format!("{}.1234.pgbackrest.tmp", file_path(FULL, 1));
    write(&target.memory, &half, b"half");
    copy_all(&source, &target).unwrap();
    target.must_be_whole();
    assert_eq!(target.labels(), [FULL, INCR, LATER]);
    assert!(!target.has(&half));
}

#[test]
fn files_of_another_backup_with_the_same_name_and_size_are_not_kept() {
    let target = begun(&Place::source());
    // Another one of this name, as large.
    let other = Place::new();
    for set in [FULL, INCR, LATER] {
        other.store(Made::new(set));
    }
    let changed = vec![b'y'; content(FULL, 0).len()];
    write(&other.memory, &file_path(FULL, 0), &changed);
    let mut manifest = Manifest::load(&other.memory, &stanza(), &label(FULL), None).unwrap();
    let mut data = manifest.file(b"pg_data/base/0").unwrap().data.clone();
    data.checksum = Some(Sha1Digest::of(&changed));
    manifest.update_file_at(0, &data);
    manifest
        .save(&other.memory, &stanza(), &label(FULL), None)
        .unwrap();
    let mut info = other.info();
    info.add(manifest.backup_entry().unwrap());
    info.save(&other.memory, &stanza(), None).unwrap();
    copy_all(&other, &target).unwrap();
    target.must_be_whole();
    assert_eq!(read(&target.memory, &file_path(FULL, 0)), Some(changed));
    assert!(!target.has(&format!("backup/demo/{FULL}/pgkeep.copied")));
}
