//! A file has one job, so it stays short: at most 400 lines that are not tests. The number of foreign packages is watched too.

use crate::tree::{SourceFile, no_findings, root, rust_files};

const LIMIT: usize = 400;
/// Path and reason of each file that may be longer.
const LONGER: &[(&str, &str)] = &[(
    "crates/config/src/define/command/table.rs",
    "the table of all commands",
)];
/// Packages in Cargo.lock, ours included. Raise it when a new dependency is worth it.
const PACKAGES: usize = 344;

#[test]
fn no_file_has_more_than_400_lines_that_are_not_tests() {
    let long: Vec<String> = rust_files()
        .iter()
        .filter(|file| !file.is_test() && !LONGER.iter().any(|(path, _)| *path == file.path))
        .map(|file| (own_lines(file), file))
        .filter(|(lines, _)| *lines > LIMIT)
        .map(|(lines, file)| format!("{}: {lines} lines", file.path))
        .collect();
    no_findings("files of more than 400 lines", &long);
}

#[test]
fn exceptions_from_the_limit_are_still_needed() {
    let files = rust_files();
    let stale: Vec<String> = LONGER
        .iter()
        .filter(|(path, _)| {
            !files
                .iter()
                .any(|file| file.path == *path && own_lines(file) > LIMIT)
        })
        .map(|(path, reason)| format!("{path} ({reason})"))
        .collect();
    no_findings("exceptions that are not needed", &stale);
}

#[test]
fn the_number_of_packages_does_not_grow_unseen() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let packages = lock.matches("[[package]]").count();
    assert!(
        packages <= PACKAGES,
        "Cargo.lock has {packages} packages, the limit is {PACKAGES}"
    );
}

/// Lines up to the unit tests at the end of the file.
fn own_lines(file: &SourceFile) -> usize {
    let lines: Vec<&str> = file.text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    tests.unwrap_or(lines.len())
}
