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

/// Also the manual page and the reference have them from the definitions.
#[test]
fn the_guide_names_every_command_with_an_exit_status_of_its_own() {
    let page = text("docs/guide/exit-codes.md");
    let (head, _) = page
        .split_once("## Configuration and command line")
        .expect("the tables follow");
    for command in pgkeep_config::command::COMMANDS {
        for exit in command.exit {
            // Of the two of the strict archive-get the guide explains the first.
            let named = head.contains(&format!("`{}", command.name))
                && (exit.status == 143 || head.contains(&exit.status.to_string()));
            assert!(named, "{} {}", command.name, exit.status);
        }
    }
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
