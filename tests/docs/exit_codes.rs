//! The guide to exit codes has a row for every code, and no other.

use pgkeep_command::error::ErrorCode;

use crate::text;

#[test]
fn every_exit_code_has_its_row_in_the_guide() {
    let page = text("docs/guide/exit-codes.md");
    let rows: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim);
            let number = cells.nth(1)?.to_owned();
            let name = cells.next()?.to_owned();
            (number.len() > 1 && number.chars().all(|c| c.is_ascii_digit()))
                .then_some((number, name))
        })
        .collect();
    let expected: Vec<(String, String)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.number().to_string(), short_name(code.name())))
        .collect();
    assert_eq!(rows, expected);
}

/// `FileMissingError` as `file-missing`.
fn short_name(name: &str) -> String {
    let mut short = String::new();
    for letter in name.trim_end_matches("Error").chars() {
        if letter.is_ascii_uppercase() && !short.is_empty() {
            short.push('-');
        }
        short.push(letter.to_ascii_lowercase());
    }
    short
}
