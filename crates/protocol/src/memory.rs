//! A connection inside the process, for tests here and in the layers above: two pipes of memory with little room.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::streams::Streams;

#[derive(Debug, Default)]
struct Held {
    bytes: VecDeque<u8>,
    /// The writer is gone: what is left can be read.
    ended: bool,
    /// Nobody reads any more.
    broken: bool,
}

#[derive(Debug)]
struct Pipe {
    held: Mutex<Held>,
    changed: Condvar,
    room: usize,
}

impl Pipe {
    fn new(room: usize) -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::default(),
            changed: Condvar::new(),
            room,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn cut(&self) {
        self.mark(|held| {
            held.ended = true;
            held.broken = true;
        });
    }
}

struct Reader(Arc<Pipe>);
struct Writer(Arc<Pipe>);

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut held = self.0.lock();
        while held.bytes.is_empty() && !held.ended {
            held = (self.0.changed.wait(held)).unwrap_or_else(PoisonError::into_inner);
        }
        let count = held.bytes.read(into)?;
        self.0.changed.notify_all();
        Ok(count)
    }
}

impl Write for Writer {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock();
        while held.bytes.len() >= self.0.room && !held.broken {
            held = (self.0.changed.wait(held)).unwrap_or_else(PoisonError::into_inner);
        }
        if held.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = from.len().min(self.0.room - held.bytes.len());
        held.bytes.extend(&from[..count]);
        self.0.changed.notify_all();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.mark(|held| held.broken = true);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.mark(|held| held.ended = true);
    }
}

/// The two ends of a connection in memory; each direction holds at most `room` bytes.
#[must_use]
pub fn memory_pair(room: usize) -> (Streams, Streams) {
    let (there, back) = (Pipe::new(room.max(1)), Pipe::new(room.max(1)));
    let end = |from: &Arc<Pipe>, to: &Arc<Pipe>| {
        let both = [Arc::clone(from), Arc::clone(to)];
        Streams::new(
            Reader(Arc::clone(from)),
            Writer(Arc::clone(to)),
            move |how| {
                if how == crate::streams::Closing::Broken {
                    both.iter().for_each(|pipe| pipe.cut());
                }
            },
        )
    };
    (end(&back, &there), end(&there, &back))
}
