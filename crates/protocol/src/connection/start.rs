//! Starts the threads of a connection. None of them is waited for: one may be stuck in a read that nothing ends.

use std::io;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::core::Core;
use super::{keeper, reader, writer};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{self, Kind, LONGEST_CONTROL};
use crate::greeting::{Hello, MARKER, first_line};
use crate::message;
use crate::session::{Side, Table};
use crate::settings::Settings;
use crate::streams::{Closing, Streams};
use crate::timer::Alarm;

/// Begins a connection: this side's greeting goes out at once.
pub(crate) fn start(
    streams: Streams,
    side: Side,
    settings: &Settings,
    request: Option<Box<RawValue>>,
) -> Result<(Arc<Core>, Hello)> {
    let hello = Hello::new(settings, request);
    (hello.limits.check()).map_err(|why| Error::new(ErrorKind::Unsendable, why))?;
    let payload = message::encode(&hello, LONGEST_CONTROL as u32)?;
    let mut first = Vec::new();
    if side == Side::Server {
        first.extend(first_line(&settings.program));
    }
    first.extend(MARKER);
    first.extend(frame::encode(Kind::Hello, false, 0, &payload));

    let Streams {
        reader,
        writer,
        close,
    } = streams;
    let table = Table::new(side, settings.limits);
    let timer = Arc::clone(&settings.timer);
    let core = Core::new(table, settings.pace, timer, close);
    let own = hello.clone();
    let written = Arc::new(Alarm::default());
    let spawned = (|| {
        let shared = Arc::clone(&core);
        spawn("protocol-read", move || {
            reader::run(&shared, side, &own, reader)
        })?;
        let (shared, rings) = (Arc::clone(&core), Arc::clone(&written));
        spawn("protocol-write", move || {
            writer::run(&shared, &first, writer);
            rings.ring();
        })?;
        let shared = Arc::clone(&core);
        spawn("protocol-keep", move || keeper::run(&shared, &written))
    })();
    if let Err(error) = spawned {
        core.close(Closing::Broken);
        let error = Error::new(
            ErrorKind::Lost,
            format!("unable to start a thread: {error}"),
        );
        core.fail(error.clone());
        return Err(error);
    }
    Ok((core, hello))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)?;
    Ok(())
}
