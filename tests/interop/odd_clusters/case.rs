//! The catalogue: what is done to a cluster, with which options it is backed up and restored, and how the backups end.

use std::path::Path;

use pgkeep_testkit::suite::TestResult;

use super::change::{
    bad_pages, broken_link, fifo, future, good_links, link_inside, link_to_link, not_utf8, nothing,
    odd_names, older, one_bad_page, plain_tablespace, resized, running, sizes, sizes_change,
    tablespace, touched, unknown_owner, unlogged, unreadable,
};

/// What is done to a data directory before a backup; the second path is a directory beside it.
pub type Change = fn(&Path, &Path) -> TestResult;

/// A backup of a case.
#[derive(Clone, Copy)]
pub struct Step {
    pub change: Change,
    pub options: &'static [&'static str],
    pub code: i32,
}

#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub steps: &'static [Step],
    pub restore: &'static [&'static str],
}

const FULL: &[&str] = &["--type=full"];
const INCR: &[&str] = &["--type=incr"];

const fn step(change: Change, options: &'static [&'static str], code: i32) -> Step {
    Step {
        change,
        options,
        code,
    }
}

pub const CASES: &[Case] = &[
    Case {
        name: "names_with_spaces_signs_and_utf_8",
        steps: &[step(odd_names, FULL, 0), step(touched, INCR, 0)],
        restore: &[],
    },
    Case {
        name: "names_that_are_not_utf_8",
        steps: &[step(not_utf8, FULL, 0)],
        restore: &[],
    },
    Case {
        name: "owners_this_machine_does_not_know",
        steps: &[step(unknown_owner, FULL, 0)],
        restore: &[],
    },
    Case {
        name: "a_link_that_leads_nowhere",
        steps: &[step(broken_link, FULL, 41)],
        restore: &[],
    },
    Case {
        name: "a_link_to_a_link",
        steps: &[step(link_to_link, FULL, 70)],
        restore: &[],
    },
    Case {
        name: "a_link_into_the_data_directory",
        steps: &[step(link_inside, FULL, 70)],
        restore: &[],
    },
    Case {
        name: "links_to_a_directory_and_to_a_file",
        steps: &[step(good_links, FULL, 0), step(touched, INCR, 0)],
        restore: &[],
    },
    Case {
        name: "links_are_restored_as_links",
        steps: &[step(good_links, FULL, 0)],
        restore: &[
            "--link-map=pg_dir=MAPPED/dir",
            "--link-map=pg_hba.conf=MAPPED/a.conf",
        ],
    },
    Case {
        name: "a_tablespace_that_is_no_link",
        steps: &[step(plain_tablespace, FULL, 69)],
        restore: &[],
    },
    Case {
        name: "a_tablespace_with_foreign_files",
        steps: &[step(tablespace, FULL, 0)],
        restore: &["--tablespace-map-all=MAPPED"],
    },
    Case {
        name: "special_files",
        steps: &[step(fifo, FULL, 0)],
        restore: &[],
    },
    Case {
        name: "excluded_files_and_directories",
        steps: &[step(
            odd_names,
            &[
                "--type=full",
                "--exclude=odd/",
                "--exclude=pg_xact",
                "--exclude=no such",
                "--exclude=postgresql.conf",
            ],
            0,
        )],
        restore: &[],
    },
    Case {
        name: "temporary_and_unlogged_relations",
        steps: &[step(unlogged, FULL, 0)],
        restore: &[],
    },
    Case {
        name: "a_file_from_the_future_switches_delta_on",
        steps: &[step(future, FULL, 0), step(nothing, INCR, 0)],
        restore: &[],
    },
    Case {
        name: "a_file_older_than_before_switches_delta_on",
        steps: &[step(nothing, FULL, 0), step(older, INCR, 0)],
        restore: &[],
    },
    Case {
        name: "a_file_of_another_size_with_the_same_time_switches_delta_on",
        steps: &[step(nothing, FULL, 0), step(resized, INCR, 0)],
        restore: &[],
    },
    Case {
        name: "an_incr_without_changes_of_times_with_delta",
        steps: &[
            step(nothing, FULL, 0),
            step(touched, &["--type=incr", "--delta"], 0),
        ],
        restore: &["--delta"],
    },
    Case {
        name: "a_diff_without_a_full_becomes_one",
        steps: &[step(nothing, &["--type=diff"], 0)],
        restore: &[],
    },
    Case {
        name: "settings_that_an_incr_cannot_change",
        steps: &[
            step(nothing, &["--type=full", "--checksum-page"], 0),
            step(
                touched,
                &[
                    "--type=incr",
                    "--compress-type=lz4",
                    "--no-checksum-page",
                    "--delta",
                ],
                0,
            ),
        ],
        restore: &[],
    },
    Case {
        name: "nothing_changed_at_all",
        steps: &[step(nothing, FULL, 0), step(nothing, INCR, 55)],
        restore: &[],
    },
    Case {
        name: "invalid_and_incomplete_pages",
        steps: &[step(bad_pages, &["--type=full", "--checksum-page"], 0)],
        restore: &["--no-checksum-page-error"],
    },
    Case {
        name: "invalid_pages_end_a_backup_that_wants_none",
        steps: &[step(
            one_bad_page,
            &["--type=full", "--checksum-page", "--checksum-page-error"],
            26,
        )],
        restore: &[],
    },
    Case {
        name: "a_file_that_may_not_be_read",
        steps: &[step(unreadable, FULL, 41)],
        restore: &[],
    },
    Case {
        name: "a_cluster_that_seems_to_run",
        steps: &[step(running, FULL, 38)],
        restore: &[],
    },
    Case {
        name: "a_cluster_that_seems_to_run_with_force",
        steps: &[step(running, &["--type=full", "--force"], 0)],
        restore: &[],
    },
    Case {
        name: "sparse_empty_and_large_names",
        steps: &[step(sizes, FULL, 0), step(sizes_change, INCR, 0)],
        restore: &[],
    },
];

/// What is done with clusters of every other page size than the usual one: nothing wrong, pages that changed, pages that are
/// damaged or not whole.
pub const PAGE_SIZES: [u32; 5] = [1024, 2048, 4096, 16_384, 32_768];
pub const PAGES: Case = Case {
    name: "pages",
    steps: &[
        step(nothing, &["--type=full", "--checksum-page"], 0),
        step(touched, INCR, 0),
        step(bad_pages, &["--type=incr", "--checksum-page"], 0),
    ],
    restore: &["--no-checksum-page-error"],
};
