//! The piece of an object that an answer holds.

use http::StatusCode;

use super::failure::broken;
use super::store::{Outcome, Piece};
use crate::http::Answer;

/// The piece from `offset` on, from a server that knows ranges and from one that sent everything.
pub(crate) fn piece(answer: &Answer, offset: u64, length: u64) -> Outcome<Piece> {
    let version = answer.header("etag").map(str::to_owned);
    if answer.status == StatusCode::PARTIAL_CONTENT {
        let range = answer.header("content-range").unwrap_or_default();
        let parsed = range
            .strip_prefix("bytes ")
            .and_then(|range| range.split_once('/'))
            .and_then(|(range, size)| Some((range.split_once('-')?, size.parse().ok()?)));
        return match parsed {
            Some(((first, _), size)) if first.parse() == Ok(offset) => Ok(Piece {
                bytes: answer.body.clone(),
                size,
                version,
            }),
            _ => Err(broken(format!(
                "the server sent the range '{range}' in place of {offset}"
            ))),
        };
    }
    let size = answer.body.len() as u64;
    let at = |offset: u64| usize::try_from(offset.min(size)).unwrap_or(usize::MAX);
    Ok(Piece {
        bytes: answer
            .body
            .slice(at(offset)..at(offset.saturating_add(length))),
        size,
        version,
    })
}

/// The size of an object that was asked for something behind its end.
pub(crate) fn size_behind(answer: &Answer) -> Option<u64> {
    let range = answer.header("content-range")?;
    range.strip_prefix("bytes */")?.parse().ok()
}
