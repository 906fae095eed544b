//! The writer: brings frames to the stream, small ones together.

use std::io::{self, Write};

use super::core::{Core, Ending};
use crate::error::Error;
use crate::session::Batch;

/// Frames of this length are written by themselves.
const LARGE: usize = 16 * 1024;

/// Writes the greeting and runs until the connection has ended; the stream is dropped then, by which the other side sees its
/// end.
pub(super) fn run(core: &Core, greeting: &[u8], mut stream: Box<dyn Write + Send>) {
    if let Err(error) = stream.write_all(greeting).and_then(|()| stream.flush()) {
        return failed(core, error);
    }
    let mut small = Vec::new();
    loop {
        let batch = {
            let mut state = core.lock();
            loop {
                if state.ended.is_some() {
                    let farewell = state.farewell.take();
                    drop(state);
                    if let Some(frame) = farewell {
                        // Best effort: there may be nobody to hear it.
                        let _ = stream.write_all(&frame).and_then(|()| stream.flush());
                    }
                    return;
                }
                let batch = state.table.next_batch();
                if !batch.frames.is_empty() {
                    // A session may be over by that, and there is room for another.
                    core.changed.notify_all();
                    break batch;
                }
                state = Core::wait(&core.outgoing, state);
            }
        };
        if let Err(error) = write(&batch, &mut stream, &mut small) {
            return failed(core, error);
        }
        core.note_said();
        let both = {
            let mut state = core.lock();
            state.table.written(&batch);
            batch.bye && state.table.is_left_by_both()
        };
        if both {
            core.end(Ending::Orderly);
        }
    }
}

fn failed(core: &Core, error: io::Error) {
    core.lock().write_failed = Some(Error::from_stream(error));
    core.alarm.ring();
}

fn write(batch: &Batch, stream: &mut dyn Write, small: &mut Vec<u8>) -> io::Result<()> {
    for frame in &batch.frames {
        if frame.len() >= LARGE {
            if !small.is_empty() {
                stream.write_all(small)?;
                small.clear();
            }
            stream.write_all(frame)?;
        } else {
            small.extend(frame);
            if small.len() >= LARGE {
                stream.write_all(small)?;
                small.clear();
            }
        }
    }
    stream.write_all(small)?;
    small.clear();
    stream.flush()
}
