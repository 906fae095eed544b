//! Every file says in its first lines what lives there.

use crate::tree::{no_findings, rust_files};

/// A header longer than this belongs into docs.
const LONGEST: usize = 14;

#[test]
fn every_file_starts_with_what_lives_in_it() {
    let findings: Vec<String> = rust_files()
        .iter()
        // Unit tests beside the code are covered by the header of what they test.
        .filter(|file| file.name() != "tests.rs")
        .filter_map(|file| {
            let header: Vec<&str> = file
                .text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .collect();
            let words = header
                .iter()
                .flat_map(|line| line[3..].split_whitespace())
                .count();
            if header.is_empty() {
                Some(format!("{}: no header comment", file.path))
            } else if words < 3 {
                Some(format!("{}: a header of {words} words", file.path))
            } else if header.len() > LONGEST {
                Some(format!("{}: a header of {} lines", file.path, header.len()))
            } else {
                None
            }
        })
        .collect();
    no_findings("headers", &findings);
}
