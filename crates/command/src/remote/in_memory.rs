//! Another host inside the process, for tests: connections in memory that a service answers, and that can be cut.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use pgkeep_protocol::{Service, Streams, accept, memory_pair};

use super::dial::{Carrier, Dial, Dialed};
use super::link::{HostName, Link};
use super::own_side;
use super::wire::greeting::{Answer, Greeting, Side};
use crate::error::{Error, Result};
use crate::run::cancel::Cancel;

/// Room of a direction. Little, so that both sides wait for each other.
const ROOM: usize = 10_000;

/// Where a connection breaks: at which write of either side, counted over both.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    at: AtomicUsize,
    writes: AtomicUsize,
    crossed: Mutex<Vec<u8>>,
    /// The next connection after the one that breaks is whole, and how many were.
    once: AtomicBool,
    mended: AtomicUsize,
}

impl Cut {
    /// The next connections break at their write of this number; 0: never.
    pub(crate) fn set(&self, at: usize) {
        self.writes.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
    }

    /// Only the connection that is made next, or is there, breaks.
    pub(crate) fn set_once(&self, at: usize) {
        self.set(at);
        self.once.store(true, Ordering::SeqCst);
    }

    /// Connections that were made in place of one that broke.
    pub(crate) fn mended(&self) -> usize {
        self.mended.load(Ordering::SeqCst)
    }

    /// A connection is made.
    fn dialed(&self) {
        if self.happened() && self.once.swap(false, Ordering::SeqCst) {
            self.set(0);
            self.mended.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Writes so far.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// All bytes that were sent, of both sides.
    pub(crate) fn crossed(&self) -> Vec<u8> {
        self.crossed.lock().unwrap().clone()
    }

    /// Whether a connection has broken since.
    pub(crate) fn happened(&self) -> bool {
        let at = self.at.load(Ordering::SeqCst);
        at > 0 && self.writes.load(Ordering::SeqCst) >= at
    }
}

/// A stream that is cut: half of the last write comes through, and nothing afterwards.
struct Cutting {
    inner: Box<dyn Write + Send>,
    cut: Arc<Cut>,
}

impl Write for Cutting {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let number = self.cut.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let at = self.cut.at.load(Ordering::SeqCst);
        if at == 0 || number < at {
            let count = self.inner.write(from)?;
            let mut crossed = self.cut.crossed.lock().unwrap();
            crossed.extend(&from[..count]);
            return Ok(count);
        }
        if number == at {
            let _ = self.inner.write(&from[..from.len() / 2]);
        }
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The host: answers every client with the same service.
pub(crate) struct InMemory {
    service: Arc<dyn Service>,
    answer: Answer,
    workers: usize,
    pub(crate) cut: Arc<Cut>,
    served: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for InMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InMemory")
    }
}

impl InMemory {
    pub(crate) fn new(
        service: impl Service + 'static,
        answer: Answer,
        workers: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            service: Arc::new(service),
            answer,
            workers,
            cut: Arc::default(),
            served: Mutex::default(),
        })
    }

    /// A link to it.
    pub(crate) fn link(self: &Arc<Self>, side: Side, command: &str) -> Arc<Link> {
        let name = HostName {
            side,
            key: 1,
            host: "other".to_owned(),
            transport: "ssh",
        };
        let dial = Box::new(Dialer(Arc::clone(self)));
        let greeting = Greeting::new(side, command);
        Arc::new(Link::new(name, dial, greeting, Cancel::default()))
    }

    /// Waits until every connection is over that was made so far.
    pub(crate) fn wait_idle(&self) {
        let served = std::mem::take(&mut *self.served.lock().unwrap());
        for thread in served {
            thread.join().unwrap();
        }
    }
}

#[derive(Debug)]
struct Dialer(Arc<InMemory>);

impl Dial for Dialer {
    fn dial(&self) -> Result<Dialed> {
        self.0.cut.dialed();
        let (there, here) = memory_pair(ROOM);
        let host = Arc::clone(&self.0);
        let cutting = |streams: Streams| Streams {
            writer: Box::new(Cutting {
                inner: streams.writer,
                cut: Arc::clone(&self.0.cut),
            }),
            ..streams
        };
        let (there, here) = (cutting(there), cutting(here));
        let thread = std::thread::spawn(move || {
            // A client that vanishes is what some tests want.
            if let Ok(guest) = accept(there, &own_side::settings()) {
                let _ = guest.serve(&host.answer, host.workers, &*host.service);
            }
        });
        self.0.served.lock().unwrap().push(thread);
        Ok(Dialed {
            streams: here,
            carrier: Box::new(Nobody),
        })
    }
}

#[derive(Debug)]
struct Nobody;

impl Carrier for Nobody {
    fn fate(&self, _seen: &pgkeep_protocol::Error) -> Option<Error> {
        None
    }

    fn kill(&self) {}

    fn end(&self) {}
}
