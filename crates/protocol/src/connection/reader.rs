//! The reader: takes frames from the stream and tells whoever they are for. It never waits for anything but the stream.

use std::io::{BufReader, Read};
use std::sync::Arc;

use super::core::{Core, Ending};
use super::greet;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{HEADER, Header, Kind};
use crate::greeting::{Hello, agree};
use crate::session::{Event, Side};

/// Notes whenever bytes come: a large frame over a slow line is a sign of life too.
struct Heard {
    stream: Box<dyn Read + Send>,
    core: Arc<Core>,
}

impl Read for Heard {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(into)?;
        if count > 0 {
            self.core.note_heard();
        }
        Ok(count)
    }
}

/// Runs until the stream or the connection ends.
pub(super) fn run(core: &Arc<Core>, side: Side, own: &Hello, stream: Box<dyn Read + Send>) {
    let heard = Heard {
        stream,
        core: Arc::clone(core),
    };
    let mut stream = BufReader::with_capacity(64 * 1024, heard);
    let ending = match read(core, side, own, &mut stream) {
        Ok(()) => Ending::Orderly,
        // Whoever has heard the last goodbye hangs up, perhaps before this side's writer knows that it is out.
        Err(_) if core.lock().table.is_left_by_both() => Ending::Orderly,
        Err(error) => Ending::Failed(error),
    };
    core.end(ending);
}

fn read(core: &Core, side: Side, own: &Hello, stream: &mut BufReader<Heard>) -> Result<()> {
    let hello = greet::read_hello(core, side, stream)?;
    // Checked before anything else is read: later releases may speak otherwise.
    agree(own, &hello)?;
    {
        let mut state = core.lock();
        state.table.greeted(hello.limits);
        state.hello = Some(hello);
    }
    core.changed.notify_all();
    // From now on silence counts otherwise.
    core.alarm.ring();
    loop {
        let header = read_header(stream, own.limits.frame)?;
        core.lock()
            .table
            .expect(&header)
            .map_err(Error::violation)?;
        let mut payload = Vec::with_capacity(header.length);
        let length = header.length as u64;
        let count = stream.by_ref().take(length).read_to_end(&mut payload);
        if count.map_err(lost)? < header.length {
            return Err(ended());
        }
        let (event, leaving) = {
            let mut state = core.lock();
            let event = state.table.accept(header, payload);
            core.stir(&state);
            (event.map_err(Error::violation)?, state.table.is_left())
        };
        match event {
            Event::Nothing => {}
            Event::Session(id) => {
                core.came(id);
                if matches!(header.kind, Kind::End | Kind::Abort) {
                    // There may be room for another session.
                    core.changed.notify_all();
                }
            }
            Event::Opened => core.changed.notify_all(),
            Event::Welcome(answer) => {
                core.lock().welcome = Some(answer);
                core.changed.notify_all();
            }
            Event::Failed(raised) => return Err(Error::raised_there(raised)),
            Event::Bye if side == Side::Client && leaving => return Ok(()),
            Event::Bye if side == Side::Client => return Err(ended()),
            Event::Bye => {
                let mut state = core.lock();
                state.table.leave();
                core.stir(&state);
            }
        }
    }
}

fn read_header(stream: &mut impl Read, longest: u32) -> Result<Header> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).map_err(lost)?;
    Header::decode(&header, longest).map_err(Error::violation)
}

fn lost(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return ended();
    }
    Error::from_stream(error)
}

fn ended() -> Error {
    Error::new(
        ErrorKind::Lost,
        "the other host ended the connection unexpectedly",
    )
}
