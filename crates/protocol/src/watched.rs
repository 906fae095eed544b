//! Streams on which somebody is told of every message before it passes: for tests of the layers above, which end a process there.
//!
//! Exists only with the cargo feature `faulty`. Signs of life and credit are no messages here, since how many there are depends
//! on time. A message is told of when its header is there and before any byte of it passes.

use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::frame::{HEADER, Kind};
use crate::greeting::{Found, Search};
use crate::streams::Streams;

/// Is told what passes, as `received Open`.
pub type Watcher = Arc<dyn Fn(&str) + Send + Sync>;

impl Streams {
    /// The same streams, watched.
    #[must_use]
    pub fn watched(self, watcher: Watcher) -> Self {
        Self {
            reader: Box::new(WatchedReader {
                stream: self.reader,
                passage: Passage::new("received", Arc::clone(&watcher)),
                passed: Vec::new(),
            }),
            writer: Box::new(WatchedWriter {
                stream: self.writer,
                passage: Passage::new("sent", watcher),
            }),
            close: self.close,
        }
    }
}

/// Where in the stream it is.
enum At {
    /// Before the marker.
    Greeting(Search),
    /// In a header, of which this is there.
    Header(Vec<u8>),
    /// In a payload of which so many bytes are left.
    Payload(usize),
}

/// One direction.
struct Passage {
    direction: &'static str,
    watcher: Watcher,
    at: At,
}

impl Passage {
    fn new(direction: &'static str, watcher: Watcher) -> Self {
        Self {
            direction,
            watcher,
            at: At::Greeting(Search::default()),
        }
    }

    /// How many bytes may be read at once, so that none is read of what comes after a message that is told of next.
    fn step(&self) -> usize {
        match &self.at {
            At::Greeting(_) => 1,
            At::Header(header) => HEADER - header.len(),
            At::Payload(left) => *left,
        }
    }

    /// Gives to `out` what of these bytes passes now.
    fn pass(
        &mut self,
        mut bytes: &[u8],
        out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let (passed, next) = match &mut self.at {
                At::Greeting(search) => match search.feed(bytes) {
                    Found::At(end) => (end, Some(At::Header(Vec::new()))),
                    // Whoever reads it finds out what is wrong with it.
                    Found::NotYet | Found::Never(_) => (bytes.len(), None),
                },
                At::Header(header) => {
                    let taken = (HEADER - header.len()).min(bytes.len());
                    header.extend(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    if header.len() < HEADER {
                        return Ok(());
                    }
                    let header = std::mem::take(header);
                    self.tell(header[0]);
                    out(&header)?;
                    let mut length = [0; 4];
                    length.copy_from_slice(&header[HEADER - 4..]);
                    self.at = match u32::from_be_bytes(length) as usize {
                        0 => At::Header(Vec::new()),
                        left => At::Payload(left),
                    };
                    continue;
                }
                At::Payload(left) => {
                    let passed = (*left).min(bytes.len());
                    *left -= passed;
                    (passed, (*left == 0).then(|| At::Header(Vec::new())))
                }
            };
            out(&bytes[..passed])?;
            bytes = &bytes[passed..];
            if let Some(next) = next {
                self.at = next;
            }
        }
        Ok(())
    }

    fn tell(&self, kind: u8) {
        match Kind::from_number(kind) {
            Some(Kind::Alive | Kind::Credit) => {}
            Some(kind) => (self.watcher)(&format!("{} {kind:?}", self.direction)),
            None => (self.watcher)(&format!("{} what is no message", self.direction)),
        }
    }
}

struct WatchedReader {
    stream: Box<dyn Read + Send>,
    passage: Passage,
    /// May be given away.
    passed: Vec<u8>,
}

impl Read for WatchedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.passed.is_empty() {
            let step = self.passage.step().min(into.len());
            let count = self.stream.read(&mut into[..step])?;
            if count == 0 {
                return Ok(0);
            }
            let passed = &mut self.passed;
            self.passage.pass(&into[..count], &mut |bytes| {
                passed.extend(bytes);
                Ok(())
            })?;
        }
        let count = self.passed.len().min(into.len());
        into[..count].copy_from_slice(&self.passed[..count]);
        self.passed.drain(..count);
        Ok(count)
    }
}

struct WatchedWriter {
    stream: Box<dyn Write + Send>,
    passage: Passage,
}

impl Write for WatchedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stream = &mut self.stream;
        self.passage.pass(bytes, &mut |bytes| {
            stream.write_all(bytes)?;
            // What was told of before has gone out when the next is told of.
            stream.flush()
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::frame::encode;
    use crate::greeting::MARKER;

    /// What passed and what was told, for bytes in pieces of this size.
    fn passed(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<String>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let mut passage = Passage::new(
            "received",
            Arc::new(move |what| hears.lock().unwrap().push(what.to_owned())),
        );
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            passage
                .pass(piece, &mut |bytes| {
                    out.extend(bytes);
                    Ok(())
                })
                .unwrap();
        }
        let told = told.lock().unwrap().clone();
        (out, told)
    }

    #[test]
    fn every_message_is_told_of_once_and_nothing_is_changed() {
        let mut bytes = b"Welcome to the host\n".to_vec();
        bytes.extend(MARKER);
        bytes.extend(encode(Kind::Hello, false, 0, b"{}"));
        bytes.extend(encode(Kind::Alive, false, 0, b""));
        bytes.extend(encode(Kind::Data, false, 7, &[3; 5000]));
        bytes.extend(encode(Kind::End, false, 7, b""));
        for size in [1, 7, bytes.len()] {
            let (out, told) = passed(&bytes, size);
            assert_eq!(out, bytes);
            assert_eq!(told, ["received Hello", "received Data", "received End"]);
        }
    }

    #[test]
    fn nothing_of_a_message_passes_before_it_is_told_of() {
        let mut bytes = MARKER.to_vec();
        bytes.extend(encode(Kind::Data, false, 7, &[3; 50]));
        let (out, told) = passed(&bytes[..MARKER.len() + HEADER - 1], 4);
        assert_eq!((out.len(), told.len()), (MARKER.len(), 0));
    }
}
