//! The contract of [`pgkeep_storage::conformance`], run for every backend that needs no server.

use pgkeep_storage::conformance;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::posix::{PosixSettings, PosixStorage};
use pgkeep_storage::{FileTree, Storage};

/// Runs the cases, each in a directory of its own, and checks that all of these ran.
fn posix(settings: PosixSettings, left_out: &[&str]) {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let mut make = |name: &'static str| -> Box<dyn Storage> {
        let root = place.path().join(name);
        std::fs::create_dir(&root).expect("the directory of a case can be made");
        Box::new(PosixStorage::new(PosixSettings {
            root,
            ..settings.clone()
        }))
    };
    let ran = conformance::run(&mut make);
    expect_all_but(&ran, left_out);
}

fn expect_all_but(ran: &[&str], left_out: &[&str]) {
    let missing: Vec<_> = conformance::cases()
        .iter()
        .map(|case| case.name)
        .filter(|name| !ran.contains(name))
        .collect();
    assert_eq!(missing, left_out, "cases that did not run");
}

const NEED_SYMLINKS: [&str; 7] = [
    "a_link_is_reported_as_a_link",
    "a_walk_does_not_follow_links",
    "a_link_is_removed_and_not_its_target",
    "removing_a_tree_does_not_follow_links",
    "a_link_to_a_tree_is_removed_as_a_link",
    "a_link_replaces_a_link",
    "a_file_is_read_through_a_link",
];

#[test]
fn posix_keeps_the_contract() {
    posix(PosixSettings::default(), &[]);
}

#[test]
fn posix_without_symlinks_keeps_the_contract() {
    posix(
        PosixSettings {
            symlinks: false,
            ..PosixSettings::default()
        },
        &NEED_SYMLINKS,
    );
}

#[test]
fn cifs_keeps_the_contract() {
    let left_out = [
        "a_link_is_reported_as_a_link",
        "a_walk_does_not_follow_links",
        "a_link_is_removed_and_not_its_target",
        "removing_a_tree_does_not_follow_links",
        "a_link_to_a_tree_is_removed_as_a_link",
        "a_missing_directory_cannot_be_synced",
        "directories_are_synced",
        "a_link_replaces_a_link",
        "a_file_is_read_through_a_link",
        "a_hard_link_is_the_same_file",
    ];
    posix(
        PosixSettings {
            cifs: true,
            ..PosixSettings::default()
        },
        &left_out,
    );
}

#[test]
fn memory_keeps_the_contract() {
    expect_all_but(
        &conformance::run(&mut |_| Box::new(MemoryStorage::new())),
        &[],
    );
}

#[test]
fn posix_and_memory_keep_the_contract_of_a_file_tree() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    conformance::run_file_tree(&mut |name| -> Box<dyn FileTree> {
        let root = place.path().join(name);
        std::fs::create_dir(&root).expect("the directory of a case can be made");
        Box::new(PosixStorage::at(root))
    });
    conformance::run_file_tree(&mut |_| Box::new(MemoryStorage::new()));
}

#[test]
fn a_storage_without_directories_and_links_keeps_the_contract() {
    let ran = conformance::run(&mut |_| Box::new(MemoryStorage::new().as_bucket()));
    let left_out = conformance::cases().len() - ran.len();
    assert!(ran.len() >= 30 && left_out >= 15, "{ran:?}");
}
