//! The marker that begins a side's bytes, and the search for it behind a banner, a mail notice or whatever a shell prints.
//!
//! A server's marker is preceded by a line in the form of pgBackRest's greeting: a pgBackRest that calls this program says
//! then that the versions differ, not that the bytes make no sense. And a client that finds such a line of the real pgBackRest
//! knows at once that it called the wrong program.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::printable::printable;

/// No text has it. The line end shows whether something on the way changes line ends.
pub(crate) const MARKER: &[u8; 16] = b"\0\x89pgkeep-wire\r\n\x1a";
/// Bytes before the marker that are skipped at most.
const MOST: usize = 64 * 1024;
const PGBACKREST: &[u8] = b"{\"name\":\"pgBackRest\"";

/// The line of a server that pgBackRest understands.
pub(crate) fn first_line(program: &str) -> Vec<u8> {
    let program = Value::from(program);
    format!("{{\"name\":\"pgBackRest\",\"service\":\"remote\",\"version\":{program}}}\n")
        .into_bytes()
}

/// What a piece of bytes brought.
#[derive(Debug)]
pub(crate) enum Found {
    /// The marker is not there yet; the whole piece is used up.
    NotYet,
    /// The marker ends after so many bytes of the piece.
    At(usize),
    Never(Error),
}

/// Looks for the marker in bytes that come piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Search {
    seen: Vec<u8>,
    /// Where the last line begins, and how far it has been looked at.
    line: usize,
    looked: usize,
}

impl Search {
    /// Takes the next piece.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Found {
        let before = self.seen.len();
        let room = (MOST + MARKER.len()).saturating_sub(before);
        self.seen.extend(&piece[..piece.len().min(room)]);
        let from = before.saturating_sub(MARKER.len() - 1);
        let found = self.seen[from..]
            .windows(MARKER.len())
            .position(|window| window == MARKER);
        if let Some(at) = found {
            let end = from + at + MARKER.len();
            self.seen.truncate(from + at);
            return Found::At(end - before);
        }
        while let Some(end) = (self.seen[self.looked..].iter()).position(|byte| *byte == b'\n') {
            let end = self.looked + end;
            let line = &self.seen[self.line..end];
            if let Some(version) = pgbackrest(line) {
                return Found::Never(
                    Error::new(
                        ErrorKind::Greeting,
                        format!("pgBackRest {version} answered on the other host, not pgkeep"),
                    )
                    .with_hint("repo-host-cmd or pg-host-cmd (SSH), or the port (TLS), must lead to pgkeep on that host."),
                );
            }
            self.line = end + 1;
            self.looked = self.line;
        }
        self.looked = self.seen.len();
        if self.seen.len() > MOST {
            let printed = self.printed();
            return Found::Never(Error::new(
                ErrorKind::Greeting,
                format!("the other host printed more than {MOST} bytes and no greeting{printed}"),
            ));
        }
        Found::NotYet
    }

    /// What was printed before the marker, for the end of a message: `; it printed: Welcome`.
    pub(crate) fn printed(&self) -> String {
        let start = |line: &&[u8]| !line.starts_with(PGBACKREST);
        let lines = self.seen.split(|byte| *byte == b'\n').filter(start);
        let text = printable(&lines.collect::<Vec<_>>().join(&b'\n'));
        if text.is_empty() {
            text
        } else {
            format!("; it printed: {text}")
        }
    }
}

/// The version that a real pgBackRest greets with.
fn pgbackrest(line: &[u8]) -> Option<String> {
    // A shell's prompt may stand before it.
    let at = line
        .windows(PGBACKREST.len())
        .position(|window| window == PGBACKREST)?;
    let greeting: BTreeMap<String, Value> = serde_json::from_slice(&line[at..]).ok()?;
    let version = greeting.get("version")?.as_str()?;
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then(|| printable(version.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `bytes` in pieces of `size` and gives what stands behind the marker.
    fn search(bytes: &[u8], size: usize) -> Result<(Vec<u8>, String), String> {
        let mut search = Search::default();
        for (number, piece) in bytes.chunks(size).enumerate() {
            match search.feed(piece) {
                Found::NotYet => {}
                Found::At(end) => {
                    return Ok((bytes[number * size + end..].to_vec(), search.printed()));
                }
                Found::Never(error) => return Err(error.to_string()),
            }
        }
        Err(format!("nothing{}", search.printed()))
    }

    proptest! {
        #[test]
        fn the_marker_is_found_behind_anything_in_pieces_of_any_size(
            banner in prop::collection::vec(any::<u8>(), 0..300), rest in prop::collection::vec(any::<u8>(), 0..50), size in 1usize..40
        ) {
            let bytes = [&banner, MARKER.as_slice(), &rest].concat();
            prop_assert_eq!(search(&bytes, size).map(|found| found.0), Ok(rest));
        }
    }

    #[test]
    fn a_banner_is_shown_and_our_own_first_line_is_not() {
        let bytes = [
            b"Welcome to pg1\r\n".as_slice(),
            &first_line("pgkeep 1.0"),
            MARKER,
        ]
        .concat();
        for size in [1, 7, 1000] {
            let found = search(&bytes, size).expect("the marker");
            assert_eq!(
                found,
                (Vec::new(), "; it printed: Welcome to pg1".to_owned())
            );
        }
        let found = search(&first_line("pgkeep 1.0"), 9).expect_err("no marker");
        assert_eq!(found, "nothing");
    }

    #[test]
    fn pgbackrest_on_the_other_host_is_named_with_its_version() {
        let line =
            b"hello\n{\"name\":\"pgBackRest\",\"service\":\"remote\",\"version\":\"2.55.1\"}\n";
        assert_eq!(
            search(line, 5).expect_err("not ours"),
            "pgBackRest 2.55.1 answered on the other host, not pgkeep"
        );
    }

    #[test]
    fn who_prints_without_end_is_stopped() {
        let error = search(&b"y\n".repeat(100_000), 4096).expect_err("too much");
        assert!(
            error.contains("more than 65536 bytes") && error.contains("printed: y y"),
            "{error}"
        );
    }
}
