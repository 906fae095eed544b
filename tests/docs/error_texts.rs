//! The guide to troubleshooting quotes messages as the program has them, so that a search for a message finds its row.

use std::fs;

use crate::{path, text};

/// Messages that another program makes, or whose parts come from several places.
const NOT_OURS: &[&str] = &[
    "archive command failed",
    "command requires option: pg1-path",
    "unable to connect to 'dbname='postgres' port=5432'",
    "is used, '/etc/pgbackrest/pgbackrest.conf' is ignored",
    "No space left on device",
    "requested timeline",
    "is not a child of this server's history",
];

/// What stands between backticks in the first column of tables, if it is more than one word.
fn quoted(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|quote| quote.contains(' '))
        .collect()
}

/// All sources of the program.
fn sources() -> String {
    let mut text = String::new();
    let mut left = vec![path("crates")];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&fs::read_to_string(path).expect("it can be read"));
            }
        }
    }
    text
}

#[test]
fn the_guide_to_troubleshooting_quotes_messages_of_the_program() {
    let page = text("docs/guide/troubleshooting.md");
    let (quoted, sources) = (quoted(&page), sources());
    assert!(quoted.len() > 20, "only {} messages", quoted.len());
    let unknown: Vec<&&str> = quoted
        .iter()
        .filter(|quote| !NOT_OURS.contains(quote) && !sources.contains(**quote))
        .collect();
    assert!(unknown.is_empty(), "no message of the program: {unknown:?}");
    let gone: Vec<&&str> = NOT_OURS
        .iter()
        .filter(|known| !quoted.contains(known))
        .collect();
    assert!(gone.is_empty(), "not on the page any more: {gone:?}");
}
