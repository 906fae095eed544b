//! A session as a pipe: bytes both ways, whatever they say.

use std::io::{self, Read, Write};

use crate::connection::Handle;
use crate::exchange::Exchange;
use crate::session::{Taken, Want};

/// Bytes that are taken at once.
const PIECE: usize = 128 * 1024;

impl Exchange {
    /// Sends what is read from `from`, and writes what the other side sends into `to`, until both have ended. Each is dropped when
    /// its direction ends, and the drop of `to` must end whoever is behind `from` in the end: then there is nothing left to read.
    pub fn carry(self, from: impl Read + Send, to: impl Write) {
        let handle = self.into_handle();
        std::thread::scope(|scope| {
            let sends = std::thread::Builder::new()
                .name("carry".to_owned())
                .spawn_scoped(scope, || send(&handle, from));
            // Without a thread the drop of the session tells the other side that it is given up.
            if sends.is_ok() {
                receive(&handle, to);
            }
        });
    }
}

fn send(handle: &Handle, mut from: impl Read) {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match handle.send_data(rest) {
                Ok(sent) => rest = &rest[sent..],
                Err(_) => return,
            }
        }
    }
    // Told at once: the other side may wait for what will never come.
    handle.end_sending();
}

fn receive(handle: &Handle, mut to: impl Write) {
    while let Ok(Taken::Piece(piece)) = handle.take(Want::Data) {
        if to.write_all(&piece).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}
