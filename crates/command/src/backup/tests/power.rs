//! The power goes at any moment: small files are made durable together, before anything names them.

use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};
use pgkeep_storage::{ErrorKind, Operation};

use super::abort::partial;
use super::*;

/// More small files than are made durable one by one.
const FILES: u32 = 260;

fn many() -> DataDirBuilder {
    (0..FILES).fold(cluster(), |files, number| {
        let name = format!("base/1/{}", 20_000 + number);
        files.file(&name, format!("row {number}").into_bytes())
    })
}

/// A full backup whose operation `at` on the repository fails; `None`: it came to its end.
fn fails_at(fixture: &mut Fixture, at: u64) -> (Arc<FaultPlan>, Option<Error>) {
    let plan = FaultPlan::new(FaultySettings {
        at,
        fault: Fault::Error(ErrorKind::Broken),
    });
    let inner: Arc<dyn Storage> = Arc::new(fixture.memory.clone());
    fixture.repository.storage = Arc::new(Faulty::new(inner, Arc::clone(&plan)));
    let outcome = fixture.backup(&["--type=full"]);
    fixture.repository.storage = Arc::new(fixture.memory.clone());
    (plan, outcome.err())
}

/// Whatever names a file that is stored is true.
fn is_whole(fixture: &Fixture) -> bool {
    let set = list_sets(&fixture.memory, &fixture.stanza()).unwrap().pop();
    let Some(label) = set else { return false };
    let exists = |path| {
        let info = fixture.memory.info(&path, InfoLevel::Exists);
        info.unwrap().is_some()
    };
    if exists(layout::manifest(&fixture.stanza(), &label)) {
        let manifest = fixture.manifest(&label);
        for file in manifest.files() {
            let stored = fixture.stored(&manifest, &file);
            assert_eq!(stored.len() as u64, file.repo_size, "{}", file.name);
        }
        return true;
    }
    if exists(layout::manifest_copy(&fixture.stanza(), &label)) {
        let manifest = partial(fixture, &label);
        for file in manifest
            .files()
            .filter(|file| file.checksum.is_some() && file.size > 0)
        {
            let stored = fixture.stored(&manifest, &file);
            assert_eq!(stored.len() as u64, file.repo_size, "{}", file.name);
        }
    }
    false
}

#[test]
fn what_is_named_outlives_a_loss_of_power_at_any_moment() {
    let (mut whole, mut torn) = (0, 0);
    let mut fixture = Fixture::new(many(), &[]);
    let (plan, error) = fails_at(&mut fixture, 0);
    assert!(error.is_none() && is_whole(&fixture));
    let operations = plan.operations();
    fixture.memory.lose_power();
    assert!(is_whole(&fixture), "a finished backup lost files");
    // A few of the many that write files, and more of the last ones, which make them durable and give them their names.
    let last = operations - 48;
    let places = (1..last).step_by(601).chain((last..=operations).step_by(6));
    for at in places {
        let mut fixture = Fixture::new(many(), &[]);
        let (_, error) = fails_at(&mut fixture, at);
        fixture.memory.lose_power();
        match is_whole(&fixture) {
            true => whole += 1,
            false => torn += 1,
        }
        assert!(error.is_some() || is_whole(&fixture));
        fixture.backup(&["--type=full"]).unwrap();
        fixture.check(&fixture.newest());
    }
    assert!(whole > 2 && torn > 4, "{whole} whole, {torn} not");
}

#[test]
fn few_files_are_made_durable_one_by_one() {
    let mut fixture = Fixture::new(cluster(), &[]);
    let (plan, _) = fails_at(&mut fixture, 0);
    let all = plan.operations();
    // Nothing is left to be lost from the first file on.
    for from in [all / 2, all - 40] {
        // Before the next file: of one that is on its way something may be lost.
        let begins_a_file = |at| {
            let mut fixture = Fixture::new(cluster(), &[]);
            let (plan, _) = fails_at(&mut fixture, at);
            let struck = plan.struck().map(|(operation, _)| *operation);
            (struck == Some(Operation::OpenWrite)).then_some(fixture)
        };
        let fixture = (from..all).find_map(begins_a_file).unwrap();
        let set = layout::backup_path(&fixture.stanza());
        let sizes = || {
            let mut found = Vec::new();
            let list = ListOptions::default();
            let each = &mut |info: pgkeep_storage::FileInfo| {
                found.push((info.name.to_string(), info.size));
                Ok(())
            };
            fixture.memory.list_tree(&set, &list, each).unwrap();
            found
        };
        let before = sizes();
        fixture.memory.lose_power();
        assert_eq!(before, sizes());
    }
}

#[test]
fn a_failure_to_make_files_durable_together_fails_the_backup() {
    let mut fixture = Fixture::new(many(), &[]);
    let (plan, _) = fails_at(&mut fixture, 0);
    let mut seen = 0;
    for at in (plan.operations() - 60..plan.operations()).step_by(3) {
        let mut fixture = Fixture::new(many(), &[]);
        let (plan, error) = fails_at(&mut fixture, at);
        let Some((Operation::SyncPath, _)) = plan.struck() else {
            continue;
        };
        seen += 1;
        assert_eq!(error.unwrap().code, ErrorCode::PathSync);
        assert!(fixture.info().entries().is_empty());
    }
    assert!(seen > 1, "{seen} operations make something durable");
    let _ = MemoryStorage::new();
}
