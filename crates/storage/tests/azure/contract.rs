//! The contract every storage keeps.

use pgkeep_storage::conformance;
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::storage;

pub(crate) fn add(suite: Suite) -> Suite {
    suite.test("azurite_keeps_the_contract", contract)
}

/// What a container has not: directories of their own, links, names that are not text.
const LEFT_OUT: &[&str] = &[
    "a_directory_is_a_path",
    "a_link_is_reported_as_a_link",
    "a_missing_directory_is_none",
    "an_empty_directory_is_an_empty_list",
    "a_missing_tree_is_missing",
    "a_walk_does_not_follow_links",
    "a_file_in_place_without_truncation_must_be_new",
    "a_missing_parent_is_not_found_unless_it_may_be_made",
    "names_are_bytes",
    "a_link_is_removed_and_not_its_target",
    "removing_a_tree_does_not_follow_links",
    "a_link_to_a_tree_is_removed_as_a_link",
    "a_directory_is_made_with_its_parents",
    "many_directories_are_made",
    "a_file_in_the_way_of_a_directory_is_an_error",
    "a_missing_directory_cannot_be_synced",
    "directories_are_synced",
    "a_link_replaces_a_link",
    "a_file_is_read_through_a_link",
    "a_hard_link_is_the_same_file",
];

fn contract() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let (mut left_out, mut broken) = (Vec::new(), Vec::new());
    for case in conformance::cases() {
        let storage = storage(&server, &format!("/contract/{}", case.name))?;
        if (case.needs)(&*storage) {
            // All that differ are told, not only the first.
            let run = std::panic::AssertUnwindSafe(|| (case.run)(&*storage));
            if std::panic::catch_unwind(run).is_err() {
                broken.push(case.name);
            }
        } else {
            left_out.push(case.name);
        }
    }
    assert_eq!(
        broken,
        Vec::<&str>::new(),
        "cases that the storage does not keep"
    );
    assert_eq!(left_out, LEFT_OUT, "cases that did not run");
    Ok(())
}
