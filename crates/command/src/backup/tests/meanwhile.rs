//! What others do to the repository while a backup is made: another host knows nothing of its locks.

use std::cell::Cell;

use pgkeep_repo::backup_info::Annotations;
use pgkeep_repo::pin::PIN_KEY;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};
use pgkeep_storage::{ErrorKind, Operation};

use super::abort::aborted;
use super::*;
use crate::expire::tests::expire;

/// With a full backup of which little has changed since.
fn with_full(options: &[&str]) -> (Fixture, BackupLabel) {
    let fixture = Fixture::new(cluster(), options);
    fixture.backup(&["--type=full"]).unwrap();
    let full = fixture.newest();
    fixture.write("base/1/20000", &[7; 9000], NOW + 5);
    fixture.write("base/1/20001", &[8; 5000], NOW + 5);
    (fixture, full)
}

/// Does it before each operation of a backup in turn; `check` sees how that ended.
fn at_each_step(
    options: &[&str],
    backup: &[&str],
    does: impl Fn(&MemoryStorage, &BackupLabel) + Clone + Send + 'static,
    check: impl Fn(&Fixture, &BackupLabel, Result<()>, &str),
) {
    let run = |fixture: &mut Fixture, plan: Arc<FaultPlan>| {
        let inner: Arc<dyn Storage> = Arc::new(fixture.memory.clone());
        fixture.repository.storage = Arc::new(Faulty::new(inner, plan));
        let result = fixture.backup(backup);
        fixture.repository.storage = Arc::new(fixture.memory.clone());
        result
    };
    let plan = FaultPlan::counting();
    run(&mut with_full(options).0, Arc::clone(&plan)).unwrap();
    // All of the end, when things get their names, and some of before.
    let all = plan.operations();
    for at in (1..=all).filter(|at| at + 36 > all || at % 23 == 1) {
        let (mut fixture, full) = with_full(options);
        let (memory, theirs, does) = (fixture.memory.clone(), full.clone(), does.clone());
        let plan = FaultPlan::meanwhile(at, move || does(&memory, &theirs));
        let result = run(&mut fixture, plan);
        let what = format!("{options:?} {backup:?}, before operation {at}");
        check(&fixture, &full, result, &what);
    }
}

/// Operations from looking at the repository once more to the name of the new list: between them the backup gets its manifest. Only a
/// common lock could close this moment.
const OF_PUBLISHING: u32 = 22;

/// Operations from there to the end of the run.
const OF_THE_LIST: u32 = 8;

const KINDS: [&[&str]; 3] = [
    &["--type=incr"],
    &["--type=incr", "--no-resume"],
    &["--type=full", "--no-resume"],
];

#[test]
fn an_expire_of_another_host_leaves_a_backup_that_runs_alone() {
    for (options, kinds) in [(&[][..], &KINDS[..]), (&["--repo1-bundle"], &KINDS[1..2])] {
        for &kind in kinds {
            at_each_step(
                options,
                kind,
                |memory, _| {
                    expire(Arc::new(memory.clone()), &["--repo1-retention-full=2"]).unwrap();
                },
                |fixture, full, result, what| {
                    assert!(result.is_ok(), "{what}: {result:?}");
                    let newest = fixture.newest();
                    assert_ne!(newest, *full, "{what}");
                    fixture.check(&newest);
                    assert_eq!(fixture.info().entries().len(), 2, "{what}");
                },
            );
        }
    }
}

#[test]
fn a_pin_that_is_set_while_a_backup_runs_stays() {
    let lost = Cell::new(0);
    at_each_step(
        &[],
        &["--type=incr"],
        |memory, full| {
            let stanza = Stanza::new("demo").unwrap();
            let mut info = BackupInfo::load(memory, &stanza, None).unwrap();
            let pin = Annotations::from([(PIN_KEY.into(), b"forever".to_vec())]);
            info.annotate(full, &pin);
            info.save(memory, &stanza, None).unwrap();
        },
        |fixture, full, result, what| {
            assert!(result.is_ok(), "{what}: {result:?}");
            let info = fixture.info();
            let is_lost = info.find(full).unwrap().annotations.is_empty();
            lost.set(lost.get() + u32::from(is_lost));
            assert_eq!(info.entries().len(), 2, "{what}");
        },
    );
    assert!(lost.get() <= OF_PUBLISHING, "{} times", lost.get());
}

#[test]
fn a_backup_is_not_published_when_the_one_it_builds_on_is_removed_meanwhile() {
    let late = Cell::new(0);
    at_each_step(
        &[],
        &["--type=incr"],
        |memory, full| {
            let stanza = Stanza::new("demo").unwrap();
            let mut info = BackupInfo::load(memory, &stanza, None).unwrap();
            for label in info.dependents(full) {
                info.remove(&label);
            }
            info.save(memory, &stanza, None).unwrap();
            memory
                .remove_tree(&layout::set_path(&stanza, full))
                .unwrap();
        },
        |fixture, full, result, what| {
            let label = list_sets(&fixture.memory, &fixture.stanza()).unwrap().pop();
            let exists = |label: &BackupLabel| {
                let path = layout::manifest(&fixture.stanza(), label);
                fixture
                    .memory
                    .info(&path, InfoLevel::Exists)
                    .unwrap()
                    .is_some()
            };
            match (result, label) {
                // Before it was read, or when all was looked at a moment ago.
                (Ok(()), label) => {
                    let label = label.unwrap_or_else(|| panic!("{what}: no set"));
                    match label.backup_type() {
                        BackupType::Full => drop(fixture.check(&label)),
                        _ => late.set(late.get() + 1),
                    }
                }
                (Err(error), Some(label)) => {
                    assert!(label == *full || !exists(&label), "{what}: {error:?}");
                }
                (Err(_), None) => {}
            }
        },
    );
    assert!(
        late.get() <= OF_PUBLISHING + OF_THE_LIST,
        "{} times",
        late.get()
    );
}

#[test]
fn a_backup_that_lost_its_files_meanwhile_is_not_published() {
    for (options, kind) in [(&[][..], KINDS[0]), (&["--repo1-bundle"], KINDS[2])] {
        at_each_step(
            options,
            kind,
            |memory, full| {
                let stanza = Stanza::new("demo").unwrap();
                for label in list_sets(memory, &stanza).unwrap() {
                    let main = layout::manifest(&stanza, &label);
                    let done = memory.info(&main, InfoLevel::Exists).unwrap().is_some();
                    if label != *full && !done {
                        memory
                            .remove_tree(&layout::set_path(&stanza, &label))
                            .unwrap();
                    }
                }
            },
            |fixture, full, result, what| {
                let newest = fixture.newest();
                match result {
                    Ok(()) => {
                        assert_ne!(newest, *full, "{what}");
                        let manifest = fixture.manifest(&newest);
                        for file in manifest.files().filter(|file| file.size > 0) {
                            let stored = fixture.stored(&manifest, &file);
                            assert_eq!(
                                stored.len() as u64,
                                file.repo_size,
                                "{what}: {}",
                                file.name
                            );
                        }
                    }
                    Err(_) => assert_eq!(newest, *full, "{what}"),
                }
            },
        );
    }
}

#[test]
fn what_a_key_that_removes_nothing_cannot_clear_away_is_left_for_expire() {
    let (fixture, old) = (1..100)
        .find_map(|at| {
            let (mut fixture, old) = aborted(&[]);
            let plan = FaultPlan::new(FaultySettings {
                at,
                fault: Fault::Error(ErrorKind::Denied),
            });
            let inner: Arc<dyn Storage> = Arc::new(fixture.memory.clone());
            fixture.repository.storage = Arc::new(Faulty::new(inner, Arc::clone(&plan)));
            let result = fixture.backup(&["--type=full", "--no-resume"]);
            let (operation, _) = plan.struck()?;
            matches!(operation, Operation::Remove | Operation::RemovePath).then(|| {
                result.unwrap();
                fixture.repository.storage = Arc::new(fixture.memory.clone());
                (fixture, old)
            })
        })
        .unwrap();
    let newest = fixture.newest();
    assert_ne!(newest, old);
    fixture.check(&newest);
    let sets = || list_sets(&fixture.memory, &fixture.stanza()).unwrap();
    assert_eq!(sets(), [old, newest.clone()]);
    expire(
        Arc::new(fixture.memory.clone()),
        &["--repo1-retention-full=2"],
    )
    .unwrap();
    assert_eq!(sets(), [newest]);
}
