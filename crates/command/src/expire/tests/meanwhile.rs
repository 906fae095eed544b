//! What others do to the repository while an expire runs: another host knows nothing of its locks.

use std::cell::Cell;

use pgkeep_repo::backup_info::Annotations;
use pgkeep_repo::pin::PIN_KEY;
use pgkeep_storage::Storage;
use pgkeep_storage::wrap::faulty::{FaultPlan, Faulty};
use pgkeep_storage::wrap::latency::{Latency, LatencySettings};

use super::*;

const OPTIONS: [&str; 1] = ["--repo1-retention-full=2"];
/// Operations from reading the list once more to the name of the new one.
const OF_A_SAVE: u32 = 7;
const THEIRS: &str = "20270115-050000F";

/// Another host makes a backup. `listed`: it has come so far that the backup is in the list.
fn publish(memory: &MemoryStorage, listed: bool) {
    for number in [400, 401] {
        store_segment(memory, number);
    }
    let manifest = manifest(&label(THEIRS), None, 4, (NOW - 10_800, NOW - 7200));
    let file = layout::set_path(&stanza(), &label(THEIRS)).join("pg_data/PG_VERSION");
    write_all(memory, &file, &WriteOptions::default(), b"").unwrap();
    manifest
        .save(memory, &stanza(), &label(THEIRS), None)
        .unwrap();
    if listed {
        let mut info = BackupInfo::load(memory, &stanza(), None).unwrap();
        info.add(manifest.backup_entry().unwrap());
        info.save(memory, &stanza(), None).unwrap();
    }
}

/// A repository with three full backups, the keeper's if `closed`.
fn three(closed: bool) -> MemoryStorage {
    let memory = repository(3, 0);
    for number in [0, 1, 100, 101, 150, 200, 201, 300, 301] {
        store_segment(&memory, number);
    }
    if closed {
        let mut info = BackupInfo::load(&memory, &stanza(), None).unwrap();
        info.closed = Some(true);
        info.save(&memory, &stanza(), None).unwrap();
    }
    memory.set_now(NOW);
    memory
}

/// Does it before each operation of an expire in turn; `check` sees what is there after it.
fn at_each_step(
    closed: bool,
    does: impl Fn(&MemoryStorage) + Clone + Send + 'static,
    check: impl Fn(&MemoryStorage, &str, Result<()>),
) {
    at_each_step_of(|near| near, closed, does, check);
}

/// The same where `place` makes another storage of the one in memory.
fn at_each_step_of(
    place: impl Fn(Arc<dyn Storage>) -> Arc<dyn Storage>,
    closed: bool,
    does: impl Fn(&MemoryStorage) + Clone + Send + 'static,
    check: impl Fn(&MemoryStorage, &str, Result<()>),
) {
    let plan = FaultPlan::counting();
    let counted = Faulty::new(Arc::new(three(closed)), Arc::clone(&plan));
    expire(place(Arc::new(counted)), &OPTIONS).unwrap();
    for at in 1..=plan.operations() {
        let memory = three(closed);
        let (there, does) = (memory.clone(), does.clone());
        let plan = FaultPlan::meanwhile(at, move || does(&there));
        let storage: Arc<dyn Storage> = Arc::new(Faulty::new(Arc::new(memory.clone()), plan));
        let what = format!("closed {closed}, before operation {at}");
        let result = expire(place(storage), &OPTIONS);
        check(&memory, &what, result);
    }
}

#[test]
fn a_backup_that_another_host_publishes_stays() {
    published_stays(|near| near);
}

/// There several threads look at the same time, so which of them comes upon it varies.
#[test]
fn a_backup_that_another_host_publishes_far_away_stays() {
    published_stays(|near| Arc::new(Latency::new(near, LatencySettings::default())));
}

fn published_stays(place: impl Fn(Arc<dyn Storage>) -> Arc<dyn Storage>) {
    for closed in [false, true] {
        for listed in [false, true] {
            at_each_step_of(
                &place,
                closed,
                move |memory| publish(memory, listed && !closed),
                |memory, what, result| {
                    assert!(result.is_ok(), "{what}: {result:?}");
                    let there = names(memory);
                    for part in [
                        "20270115-050000F/backup.manifest",
                        "20270115-050000F/pg_data/PG_VERSION",
                        &segment(400),
                        &segment(401),
                    ] {
                        assert!(
                            there.iter().any(|name| name.contains(part)),
                            "{what}: {part} is gone"
                        );
                    }
                    expire(Arc::new(memory.clone()), &OPTIONS).unwrap();
                    let left = labels(memory);
                    assert!(left.contains(&THEIRS.to_owned()), "{what}: {left:?}");
                    assert!(!left.contains(&"20260101-000000F".to_owned()), "{what}");
                },
            );
        }
    }
}

#[test]
fn a_pin_that_another_host_sets_stays() {
    let pinned = "20260103-000000F";
    // Between reading the list once more and giving the new one its name lies a moment that only a common lock could close.
    let lost = Cell::new(0);
    for closed in [false, true] {
        at_each_step(
            closed,
            move |memory| {
                let mut info = BackupInfo::load(memory, &stanza(), None).unwrap();
                info.closed = Some(closed);
                let pin = Annotations::from([(PIN_KEY.into(), b"forever".to_vec())]);
                info.annotate(&label(pinned), &pin);
                info.save(memory, &stanza(), None).unwrap();
            },
            |memory, what, result| {
                assert!(result.is_ok(), "{what}: {result:?}");
                let info = BackupInfo::load(memory, &stanza(), None).unwrap();
                let entry = info.find(&label(pinned)).unwrap();
                lost.set(lost.get() + u32::from(entry.annotations.is_empty()));
                assert!(info.find(&label("20260101-000000F")).is_none(), "{what}");
            },
        );
    }
    assert!(lost.get() <= 2 * OF_A_SAVE, "{} times", lost.get());
}

#[test]
fn the_archive_of_a_cluster_that_was_upgraded_meanwhile_stays() {
    at_each_step(
        false,
        |memory| {
            let mut archive = ArchiveInfo::load(memory, &stanza(), None).unwrap();
            let mut now = archive.history.current().clone();
            now.system_id += 1;
            "18".clone_into(&mut now.version);
            archive.history.upgrade(now);
            archive.save(memory, &stanza(), None).unwrap();
            let mut info = BackupInfo::load(memory, &stanza(), None).unwrap();
            info.history = archive.history.clone();
            info.save(memory, &stanza(), None).unwrap();
            let name = format!("{}-{}.gz", segment(1), Sha1Digest::EMPTY);
            let id = archive.history.current().archive_id();
            let path = layout::archive_file(&stanza(), &id, &name);
            write_all(memory, &path, &WriteOptions::default(), b"x").unwrap();
        },
        |memory, what, result| {
            // It read one list before and the other one after.
            if let Err(error) = result {
                assert!(
                    error.message.contains("history lists do not match"),
                    "{what}: {error:?}"
                );
            }
            let there = names(memory);
            assert!(
                there
                    .iter()
                    .any(|name| name.contains("18-2/") && name.contains(&segment(1))),
                "{what}: its WAL is gone"
            );
        },
    );
}
