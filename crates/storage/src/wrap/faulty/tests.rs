use super::*;
use crate::copy::{read_all, write_all};
use crate::error::ErrorKind;
use crate::memory::MemoryStorage;
use crate::options::WriteMode;

fn at(path: &str) -> StoragePath {
    StoragePath::new(path)
}

/// A little of everything; ends at the first error.
fn run(storage: &dyn Storage) -> Result<()> {
    let paths = storage.as_paths().expect("the inner storage has them");
    paths.create_paths(&[at("set"), at("other")], 0o750)?;
    let in_place = WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    };
    write_all(storage, &at("set/file"), &in_place, b"content of the file")?;
    write_all(
        storage,
        &at("info"),
        &WriteOptions::default(),
        b"content of the info file",
    )?;
    read_all(storage, &at("info"), 100)?;
    let links = storage.as_symbolic_links();
    let links = links.expect("the inner storage has them");
    links.link(&at("latest"), b"set")?;
    let sync = storage.as_path_sync().expect("the inner storage has it");
    sync.sync_paths(&[at("set"), at("other")])?;
    storage.remove_many(&[at("missing"), at("latest")])?;
    storage.remove_tree(&at("set"))?;
    Ok(())
}

#[test]
fn every_operation_of_a_run_can_fail_and_only_that_one() {
    let counting = FaultPlan::counting();
    run(&Faulty::new(
        Arc::new(MemoryStorage::new()),
        Arc::clone(&counting),
    ))
    .unwrap();
    let operations = counting.operations();
    assert_eq!(operations, 20, "a change of what is counted is deliberate");
    for n in 1..=operations {
        for fault in [
            Fault::Error(ErrorKind::NoSpace),
            Fault::TornError(ErrorKind::NoSpace),
        ] {
            let inner: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
            let plan = FaultPlan::new(FaultySettings { at: n, fault });
            let storage = Faulty::new(Arc::clone(&inner), Arc::clone(&plan));
            let error = run(&storage).unwrap_err();
            assert_eq!(
                (error.kind(), error.reason),
                (
                    ErrorKind::NoSpace,
                    format!("fault injected at operation {n}")
                )
            );
            assert_eq!(plan.operations(), n, "nothing was done after the fault");
            assert!(plan.struck().is_some(), "what failed is known");
            let info = read_all(&*inner, &at("info"), 100).unwrap();
            assert!(
                info.is_none_or(|info| info == b"content of the info file"),
                "whole or not at all"
            );
            run(&storage).unwrap();
        }
    }
    let beyond = FaultPlan::new(FaultySettings {
        at: operations + 1,
        fault: Fault::Error(ErrorKind::Broken),
    });
    run(&Faulty::new(Arc::new(MemoryStorage::new()), beyond)).unwrap();
}

#[test]
fn a_torn_write_leaves_half_of_its_bytes() {
    let inner: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let plan = FaultPlan::new(FaultySettings {
        at: 2,
        fault: Fault::TornError(ErrorKind::Broken),
    });
    let in_place = WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    };
    write_all(
        &Faulty::new(Arc::clone(&inner), plan),
        &at("file"),
        &in_place,
        b"0123456789",
    )
    .unwrap_err();
    assert_eq!(
        read_all(&*inner, &at("file"), 100).unwrap().as_deref(),
        Some(&b"01234"[..])
    );
}

#[test]
fn storages_that_share_a_plan_are_counted_together() {
    let plan = FaultPlan::new(FaultySettings {
        at: 3,
        fault: Fault::Error(ErrorKind::Broken),
    });
    let one = Faulty::new(Arc::new(MemoryStorage::new()), Arc::clone(&plan));
    let two = Faulty::new(Arc::new(MemoryStorage::new()), plan);
    one.remove(&at("x")).unwrap();
    two.remove(&at("x")).unwrap();
    one.remove(&at("x")).unwrap_err();
    two.remove(&at("x")).unwrap();
}

#[test]
fn without_a_fault_the_contract_is_kept() {
    let make = || {
        Box::new(Faulty::new(
            Arc::new(MemoryStorage::new()),
            FaultPlan::counting(),
        ))
    };
    let ran = crate::conformance::run(&mut |_| make());
    assert_eq!(ran.len(), crate::conformance::cases().len());
    crate::conformance::run_file_tree(&mut |_| make());
}

#[test]
fn a_fault_can_be_told_in_a_word() {
    let parse = |text: &str| text.parse::<FaultySettings>();
    assert_eq!(
        parse("torn-kill:17").unwrap(),
        FaultySettings {
            at: 17,
            fault: Fault::TornKill
        }
    );
    let no_space = Fault::Error(ErrorKind::NoSpace);
    assert_eq!(
        parse("no-space:1").unwrap(),
        FaultySettings {
            at: 1,
            fault: no_space
        }
    );
    for wrong in ["", "kill", "kill:", "kill:x", "kill:-1", "die:1"] {
        assert!(parse(wrong).unwrap_err().contains(&format!("'{wrong}'")));
    }
}
