//! The greeting as it is read from the stream: the marker behind what was printed, and the hello.

use std::io::BufRead;

use super::core::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{HEADER, Header, Kind, LONGEST_CONTROL};
use crate::greeting::{Found, Hello, MARKER, Search};
use crate::message;
use crate::session::Side;

/// Reads up to the end of the hello. A client skips what was printed before the marker; nothing is printed before a client's.
pub(super) fn read_hello(core: &Core, side: Side, stream: &mut dyn BufRead) -> Result<Hello> {
    match side {
        Side::Client => skip_to_marker(core, stream)?,
        Side::Server => {
            let mut marker = [0; MARKER.len()];
            stream.read_exact(&mut marker).map_err(no_greeting)?;
            if &marker != MARKER {
                return Err(Error::new(
                    ErrorKind::Greeting,
                    "what called this host is not pgkeep: its first bytes are no greeting",
                ));
            }
        }
    }
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).map_err(no_greeting)?;
    // Longest is not negotiated yet and does not matter for this kind.
    let header = Header::decode(&header, 0).map_err(Error::violation)?;
    if header.kind != Kind::Hello {
        return Err(Error::violation("it does not say who it is"));
    }
    debug_assert!(header.length <= LONGEST_CONTROL);
    let mut payload = vec![0; header.length];
    stream.read_exact(&mut payload).map_err(no_greeting)?;
    message::decode(&payload)
}

fn skip_to_marker(core: &Core, stream: &mut dyn BufRead) -> Result<()> {
    let mut search = Search::default();
    loop {
        let piece = match stream.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(no_greeting(error)),
        };
        if piece.is_empty() {
            let printed = search.printed();
            return Err(Error::new(
                ErrorKind::Lost,
                format!("the connection to the other host ended before its greeting{printed}"),
            ));
        }
        let length = piece.len();
        let found = search.feed(piece);
        match found {
            Found::At(end) => {
                stream.consume(end);
                core.lock().printed = search.printed();
                return Ok(());
            }
            Found::NotYet => {
                stream.consume(length);
                // Shown should nothing follow.
                core.lock().printed = search.printed();
            }
            Found::Never(error) => return Err(error),
        }
    }
}

fn no_greeting(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Error::new(
            ErrorKind::Lost,
            "the connection to the other host ended before its greeting",
        );
    }
    Error::from_stream(error)
}
