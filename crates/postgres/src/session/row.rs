//! Rows of an answer and their values, read strictly: what is missing or has another form is an error with the statement.

use crate::error::{Error, ErrorKind, Result};

/// A row as the simple protocol gives it.
pub(super) type Row = Vec<Option<String>>;

pub(super) fn cancelled(sql: &str) -> Error {
    Error::new(ErrorKind::Cancelled, format!("query '{sql}' was canceled"))
}

pub(super) fn unreadable(sql: &str, reason: &str) -> Error {
    Error::new(
        ErrorKind::Query,
        format!("unable to read the result of query '{sql}': {reason}"),
    )
}

pub(super) fn columns<const COLUMNS: usize>(
    sql: &str,
    row: Row,
) -> Result<[Option<String>; COLUMNS]> {
    row.try_into().map_err(|_| {
        Error::new(
            ErrorKind::Query,
            match COLUMNS {
                1 => format!("expected one column from '{sql}'"),
                _ => format!("expected {COLUMNS} columns from '{sql}'"),
            },
        )
    })
}

pub(super) fn required(sql: &str, value: Option<String>) -> Result<String> {
    value.ok_or_else(|| unreadable(sql, "unexpected null"))
}

pub(super) fn number<N: std::str::FromStr>(sql: &str, text: &str) -> Result<N> {
    text.parse()
        .map_err(|_| unreadable(sql, &format!("'{text}' is not a valid number")))
}

/// A value in a form of ours; what is wrong with it is told together with the statement.
pub(super) fn parsed<T: std::str::FromStr<Err = Error>>(
    sql: &str,
    value: Option<String>,
) -> Result<T> {
    required(sql, value)?
        .parse()
        .map_err(|error: Error| unreadable(sql, error.message()))
}
