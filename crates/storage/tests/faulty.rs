//! A process that is killed at any storage operation leaves an atomic file whole: old or new, never a mixture.
//!
//! The test starts itself again as the process that dies; the point is the n-th operation, for every n there is.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};
use pgkeep_storage::{PathSync, Storage, StoragePath, WriteMode, WriteOptions};

const PLACE: &str = "FAULTY_TEST_PLACE";
const POINT: &str = "FAULTY_TEST_POINT";
const TORN: &str = "FAULTY_TEST_TORN";
const OLD: &[u8] = b"the old content";
const NEW: &[u8] = b"the new content, which is longer";

/// What the dying process does. Run only by the test below, which says where and when.
#[test]
#[ignore = "is started by a_process_killed_at_any_operation_leaves_whole_files"]
#[allow(clippy::disallowed_methods)]
fn victim() {
    let [place, point, torn] =
        [PLACE, POINT, TORN].map(|name| std::env::var(name).expect("set by the test"));
    let fault = if torn == "1" {
        Fault::TornKill
    } else {
        Fault::Kill
    };
    let plan = FaultPlan::new(FaultySettings {
        at: point.parse().expect("a number"),
        fault,
    });
    let storage = Faulty::new(Arc::new(PosixStorage::at(place)), plan);
    let in_place = WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    };
    write_all(&storage, &"set/file".into(), &in_place, NEW).unwrap();
    storage.sync_paths(&["set".into()]).unwrap();
    write_all(&storage, &"info".into(), &WriteOptions::default(), NEW).unwrap();
    storage.remove_tree(&"set".into()).unwrap();
}

#[test]
#[allow(clippy::disallowed_methods)]
fn a_process_killed_at_any_operation_leaves_whole_files() {
    let myself = std::env::current_exe().expect("a test knows its own file");
    for torn in ["0", "1"] {
        let mut kills = 0;
        let mut states = std::collections::BTreeSet::new();
        for point in 1.. {
            let place = tempfile::tempdir().expect("a temporary directory can be made");
            let storage = PosixStorage::at(place.path());
            let info = StoragePath::from("info");
            write_all(&storage, &info, &WriteOptions::default(), OLD).unwrap();
            let outcome = Command::new(&myself)
                .args(["--exact", "victim", "--ignored"])
                .env(PLACE, place.path())
                .env(POINT, point.to_string())
                .env(TORN, torn)
                .output()
                .expect("the test can start itself");
            let found = read_all(&storage, &info, 100)
                .unwrap()
                .expect("the name is never gone");
            assert!(
                found == OLD || found == NEW,
                "point {point}: {}",
                String::from_utf8_lossy(&found)
            );
            states.insert(found == NEW);
            // The next run gets by with whatever the dead one left, temporary files included.
            write_all(&storage, &info, &WriteOptions::default(), OLD).unwrap();
            if outcome.status.success() {
                break;
            }
            assert_eq!(
                outcome.status.signal(),
                Some(9),
                "point {point}: {}",
                String::from_utf8_lossy(&outcome.stdout)
            );
            kills += 1;
        }
        assert!(kills >= 10, "{kills} points");
        assert_eq!(
            states.len(),
            2,
            "some were killed before, some after the file was published"
        );
    }
}
