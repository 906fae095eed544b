//! The contract of [`pgkeep_storage::conformance`], run for every backend that needs no server.

use pgkeep_storage::Storage;
use pgkeep_storage::conformance;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::posix::{PosixSettings, PosixStorage};

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

const NEED_SYMLINKS: [&str; 8] = [
    "a_link_is_reported_as_a_link",
    "a_walk_does_not_follow_links",
    "a_link_is_removed_and_not_its_target",
    "removing_a_tree_does_not_follow_links",
    "a_link_to_a_tree_is_removed_as_a_link",
    "a_link_replaces_a_link",
    "a_file_is_read_through_a_link",
    "an_owner_is_set_on_the_link_itself",
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
        "detail_tells_mode_and_owner",
        "a_walk_does_not_follow_links",
        "a_file_gets_the_mode_asked_for",
        "a_file_gets_the_time_asked_for",
        "a_link_is_removed_and_not_its_target",
        "removing_a_tree_does_not_follow_links",
        "a_link_to_a_tree_is_removed_as_a_link",
        "a_directory_gets_the_mode_asked_for",
        "a_missing_directory_cannot_be_synced",
        "a_link_replaces_a_link",
        "a_file_is_read_through_a_link",
        "a_hard_link_is_the_same_file",
        "a_mode_is_set",
        "an_owner_is_set_on_the_link_itself",
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
fn memory_without_links_keeps_the_contract() {
    let features = pgkeep_storage::Features {
        symlinks: false,
        ..MemoryStorage::new().features()
    };
    let ran = conformance::run(&mut |_| Box::new(MemoryStorage::with_features(features)));
    expect_all_but(&ran, &NEED_SYMLINKS);
}
