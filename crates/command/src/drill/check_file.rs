//! The user's own SQL checks: statements, and the rows that they must return.
//!
//! Plain text: a statement, then a line `=> row` for each row. `[name]` names the database, `#` begins a comment.

use std::path::Path;

use pgkeep_storage::{StoragePath, copy};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;

/// A file that is larger was not meant.
const LIMIT: u64 = 1 << 20;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) database: String,
    pub(super) statement: String,
    pub(super) rows: Vec<String>,
    /// Line of the statement, for messages.
    pub(super) line: usize,
}

/// Reads the checks.
///
/// # Errors
/// A file that is missing or says nothing sensible.
pub(super) fn read(path: &Path) -> Result<Vec<Check>> {
    let storage = this_host::directory(Path::new("/"));
    let name = StoragePath::new(path.as_os_str().as_encoded_bytes());
    let shown = path.display();
    let bytes = copy::read_all(&*storage, &name, LIMIT)?.ok_or_else(|| {
        Error::new(
            ErrorCode::FileMissing,
            format!("unable to open missing file '{shown}' with SQL checks"),
        )
        .with_hint("name it with option drill-check-file.")
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorCode::Format, format!("'{shown}' is not UTF-8")))?;
    parse(&text).map_err(|(line, why)| {
        Error::new(ErrorCode::Format, format!("line {line} of '{shown}': {why}"))
            .with_hint("a check is a statement and, below it, a line '=> value' for each row that it must return.")
    })
}

fn parse(text: &str) -> std::result::Result<Vec<Check>, (usize, String)> {
    let mut checks: Vec<Check> = Vec::new();
    let mut database = "postgres".to_owned();
    let mut statement: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let bare = line.trim();
        if let Some(row) = bare.strip_prefix("=>") {
            let row = row.strip_prefix(' ').unwrap_or(row).to_owned();
            match (statement.take(), checks.last_mut()) {
                (Some((line, statement)), _) => checks.push(Check {
                    database: database.clone(),
                    statement,
                    rows: vec![row],
                    line,
                }),
                (None, Some(check)) => check.rows.push(row),
                (None, None) => {
                    return Err((number, "'=>' without a statement before it".to_owned()));
                }
            }
            continue;
        }
        let name = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match (&mut statement, name) {
            _ if bare.is_empty() || bare.starts_with('#') => {}
            (Some((_, statement)), None) => {
                statement.push('\n');
                statement.push_str(line);
            }
            (Some((line, _)), Some(_)) => {
                return Err((*line, "the statement has no '=>'".to_owned()));
            }
            (None, Some(name)) => database = name.trim().to_owned(),
            (None, None) => statement = Some((number, line.to_owned())),
        }
    }
    match statement {
        Some((line, _)) => Err((line, "the statement has no '=>'".to_owned())),
        None if checks.is_empty() => Err((1, "there is no check in it".to_owned())),
        None => Ok(checks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_statement_and_its_rows() {
        let text = "# orders\nselect 1\n  + 1;\n=> 2\n\n[shop]\nselect a, b from t\n=> 1|x\n=>\n";
        let check = |database: &str, statement: &str, rows: &[&str], line| Check {
            database: database.to_owned(),
            statement: statement.to_owned(),
            rows: rows.iter().map(|row| (*row).to_owned()).collect(),
            line,
        };
        assert_eq!(
            parse(text).unwrap(),
            [
                check("postgres", "select 1\n  + 1;", &["2"], 2),
                check("shop", "select a, b from t", &["1|x", ""], 7)
            ]
        );
    }

    #[test]
    fn what_is_no_check_is_refused_with_its_line() {
        assert_eq!(parse("\n=> 1\n").unwrap_err().0, 2);
        assert_eq!(parse("=> 1").unwrap_err().0, 1);
        // A file that says nothing proves nothing.
        for empty in ["", "# orders\n\n[shop]\n"] {
            assert!(parse(empty).is_err(), "{empty:?}");
        }
        assert_eq!(parse("select 1\n=> 1\nselect 2\n").unwrap_err().0, 3);
        assert_eq!(parse("select 1\n[shop]\n").unwrap_err().0, 1);
    }
}
