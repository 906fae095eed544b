//! A TLS connection as two streams, read and written by two threads.
//!
//! rustls keeps one state for both directions. It is locked only to encrypt and decrypt, never while a thread waits for the
//! socket: a reader that waits for bytes does not hold up a writer, nor the other way round. Records have numbers, so those of
//! the writer leave in the order in which they were made, under a lock that the reader never waits for. What rustls wants to
//! say because of what was read (a new key) goes with the next bytes that are written.
//!
//! In memory are at most the buffer of the reader, one piece of the writer, and their encrypted forms.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use pgkeep_protocol::{Closing, Streams};
use rustix::net::SendFlags;
use rustls::Connection;

use super::handshake::{is_refused_certificate, told};

/// Bytes that are read from the socket at once, and that are encrypted at once.
const PIECE: usize = 64 * 1024;

/// What went wrong with TLS itself once it was there, for whoever wants to tell the user why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFailure {
    pub text: String,
    /// The other side does not accept the certificate of this one. With TLS 1.3 that comes after the handshake.
    pub refused_certificate: bool,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Secured {
    inner: Arc<Inner>,
}

struct Inner {
    socket: TcpStream,
    connection: Mutex<Connection>,
    sending: Mutex<()>,
    failure: OnceLock<TlsFailure>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.socket)
    }
}

/// Ends the connection from anywhere, and tells what TLS has met.
#[derive(Debug, Clone)]
pub struct Ender(Arc<Inner>);

impl Ender {
    /// Both directions end, and whoever waits for one.
    pub fn end(&self) {
        // There may be no connection any more.
        let _ = self.0.socket.shutdown(Shutdown::Both);
    }

    #[must_use]
    pub fn failure(&self) -> Option<TlsFailure> {
        self.0.failure.get().cloned()
    }
}

impl Secured {
    pub(super) fn new(mut connection: Connection, socket: TcpStream) -> Self {
        // Pieces are bounded by the writer, who takes all of each at once.
        connection.set_buffer_limit(None);
        Self {
            inner: Arc::new(Inner {
                socket,
                connection: Mutex::new(connection),
                sending: Mutex::default(),
                failure: OnceLock::new(),
            }),
        }
    }

    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender(Arc::clone(&self.inner))
    }

    /// The streams of a connection between hosts.
    #[must_use]
    pub fn into_streams(self) -> Streams {
        let ender = self.ender();
        let reader = SecuredReader {
            inner: Arc::clone(&self.inner),
            buffer: vec![0; PIECE],
            filled: 0,
            used: 0,
        };
        let writer = SecuredWriter {
            inner: self.inner,
            encrypted: Vec::new(),
        };
        Streams::new(reader, writer, move |how| {
            // After goodbyes of both sides the dropped writer shows the other side the end, and it does the same.
            if how == Closing::Broken {
                ender.end();
            }
        })
    }
}

impl Inner {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self) -> MutexGuard<'_, ()> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what rustls has to say if that can be done at once.
    fn say_without_waiting(&self, connection: &mut Connection) {
        let Ok(_order) = self.sending.try_lock() else {
            return;
        };
        let mut words = Vec::new();
        while connection.wants_write() && connection.write_tls(&mut words).is_ok() {}
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let _ = rustix::net::send(&self.socket, &words, flags);
    }

    fn failed(&self, error: &rustls::Error) -> io::Error {
        let text = told(error);
        let _ = self.failure.set(TlsFailure {
            text: text.clone(),
            refused_certificate: is_refused_certificate(error),
        });
        io::Error::other(text)
    }
}

struct SecuredReader {
    inner: Arc<Inner>,
    /// Encrypted bytes of the socket, of which so many are there and so many were given to rustls.
    buffer: Vec<u8>,
    filled: usize,
    used: usize,
}

impl SecuredReader {
    /// Decrypts until there is something for the caller; nothing if more has to come.
    fn decrypt(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut connection = self.inner.connection();
        loop {
            match connection.reader().read(into) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if self.used == self.filled {
                return Ok(None);
            }
            let mut rest = &self.buffer[self.used..self.filled];
            self.used += connection.read_tls(&mut rest)?;
            if let Err(error) = connection.process_new_packets() {
                self.inner.say_without_waiting(&mut connection);
                return Err(self.inner.failed(&error));
            }
        }
    }
}

impl Read for SecuredReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(count) = self.decrypt(into)? {
                return Ok(count);
            }
            self.used = 0;
            self.filled = (&self.inner.socket).read(&mut self.buffer)?;
            if self.filled == 0 {
                // No goodbye of TLS: for the layer above, which has one of its own, it is the same as an end.
                return Ok(0);
            }
        }
    }
}

struct SecuredWriter {
    inner: Arc<Inner>,
    encrypted: Vec<u8>,
}

impl SecuredWriter {
    /// Encrypts, and sends in the order in which it was encrypted.
    fn send(&mut self, plain: &[u8]) -> io::Result<usize> {
        let _order = self.inner.order();
        self.encrypted.clear();
        let count = {
            let mut connection = self.inner.connection();
            let count = connection.writer().write(plain)?;
            while connection.wants_write() {
                connection.write_tls(&mut self.encrypted)?;
            }
            count
        };
        (&self.inner.socket).write_all(&self.encrypted)?;
        Ok(count)
    }
}

impl Write for SecuredWriter {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if from.is_empty() {
            return Ok(0);
        }
        self.send(&from[..from.len().min(PIECE)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SecuredWriter {
    fn drop(&mut self) {
        let mut connection = self.inner.connection();
        connection.send_close_notify();
        self.inner.say_without_waiting(&mut connection);
        drop(connection);
        let _ = self.inner.socket.shutdown(Shutdown::Write);
    }
}
