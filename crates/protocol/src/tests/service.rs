//! A service with one request for each shape of conversation, and connections to it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use crate::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Ask {
    Echo(String),
    /// So many bytes, before and after which there is a value.
    Read(usize),
    /// Counts the bytes that follow.
    Write,
    /// Counts up to so many and answers.
    WriteSome(usize),
    Fail(u8),
    Panic,
    NoAnswer,
    /// Works until the client gives up.
    Wait,
    /// Is answered when [`Ask::Release`] comes.
    Later,
    Release,
    /// The length of a list that follows as bytes.
    Long,
    /// Answers as often as the client says something.
    Talk,
}

pub(super) struct Server {
    kept: Mutex<Vec<Exchange>>,
    pub(super) told: Mutex<Sender<String>>,
}

impl Server {
    pub(super) fn new() -> (Arc<Self>, Receiver<String>) {
        let (told, heard) = channel();
        let server = Self {
            kept: Mutex::default(),
            told: Mutex::new(told),
        };
        (Arc::new(server), heard)
    }

    pub(super) fn tell(&self, what: impl Into<String>) {
        let told = self.told.lock().expect("no panic while it is held");
        // The test may be over.
        let _ = told.send(what.into());
    }

    fn answer(&self, mut exchange: Exchange) -> Result<()> {
        match exchange.receive()? {
            Ask::Echo(text) => exchange.finish(&text),
            Ask::Read(length) => {
                exchange.send(&length)?;
                let data = pattern(length);
                exchange.write_all(&data).map_err(Error::from_stream)?;
                exchange.finish(&"read")
            }
            Ask::Write => {
                let mut data = Vec::new();
                exchange
                    .read_to_end(&mut data)
                    .map_err(Error::from_stream)?;
                assert!(data == pattern(data.len()), "bytes come as they were sent");
                exchange.finish(&data.len())
            }
            Ask::WriteSome(length) => {
                let mut data = vec![0; length];
                exchange.read_exact(&mut data).map_err(Error::from_stream)?;
                exchange.finish(&length)
            }
            Ask::Fail(code) => {
                exchange.fail(Raised::new(code, "it failed").with_hint("try again"));
                Ok(())
            }
            Ask::Panic => panic!("a handler that panics"),
            Ask::NoAnswer => Ok(()),
            Ask::Wait => {
                self.tell("waiting");
                // Blocks until there is an end: the client never sends another value.
                let end = exchange.receive_next::<String>();
                self.tell(format!("given up: {}", exchange.is_given_up()));
                end.map(drop)
            }
            Ask::Later => {
                self.kept.lock().expect("not poisoned").push(exchange);
                self.tell("kept");
                Ok(())
            }
            Ask::Release => {
                let kept = std::mem::take(&mut *self.kept.lock().expect("not poisoned"));
                for kept in kept {
                    kept.finish(&"later")?;
                }
                exchange.finish(&"released")
            }
            Ask::Long => {
                let list: Vec<String> = exchange.receive_as_bytes(200_000)?;
                exchange.finish(&list.len())
            }
            Ask::Talk => {
                while let Some(number) = exchange.receive_next::<u64>()? {
                    exchange.send(&(number + 1))?;
                }
                exchange.end();
                Ok(())
            }
        }
    }
}

impl Service for Server {
    fn serve(&self, exchange: Exchange) {
        if let Err(error) = self.answer(exchange) {
            self.tell(format!("error: {error}"));
        }
    }

    fn lost(&self, error: &Error) {
        self.tell(format!("lost: {error}"));
    }
}

/// Bytes of which each place can be told.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 256) as u8).collect()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Greeting {
    pub(super) role: String,
    #[serde(default)]
    pub(super) stanza: Option<String>,
}

pub(super) fn greeting() -> Greeting {
    Greeting {
        role: "repo".to_owned(),
        stanza: Some("demo".to_owned()),
    }
}

/// Serves one connection in a thread.
pub(super) fn serve(
    streams: Streams,
    settings: Settings,
    server: Arc<Server>,
    workers: usize,
) -> JoinHandle<Result<()>> {
    std::thread::spawn(move || {
        let guest = accept(streams, &settings)?;
        let request: Greeting = guest.request()?;
        if request.stanza.as_deref() == Some("forbidden") {
            guest.refuse(Raised::new(62, "stop file exists for stanza forbidden"));
            return Ok(());
        }
        guest.serve(&request.role, workers, &*server)
    })
}

pub(super) fn socket(stream: UnixStream) -> Streams {
    let (reader, closes) = (
        stream.try_clone().expect("a socket"),
        stream.try_clone().expect("a socket"),
    );
    Streams::new(reader, stream, move |_| {
        let _ = closes.shutdown(Shutdown::Both);
    })
}

pub(super) fn socket_pair() -> (Streams, Streams) {
    let (left, right) = UnixStream::pair().expect("a pair of sockets");
    (socket(left), socket(right))
}

/// Both kinds of connection: pipes with next to no room, and real sockets.
pub(super) fn pairs() -> Vec<(Streams, Streams)> {
    vec![memory_pair(500), memory_pair(1 << 20), socket_pair()]
}

pub(super) struct Both {
    pub(super) client: Client,
    pub(super) thread: JoinHandle<Result<()>>,
    pub(super) heard: Receiver<String>,
}

/// A client and its server with small limits.
pub(super) fn both((there, here): (Streams, Streams), workers: usize, settings: Settings) -> Both {
    let (server, heard) = Server::new();
    let thread = serve(there, settings.clone(), server, workers);
    let (client, role) =
        Client::connect::<_, String>(here, &settings, &greeting()).expect("a connection");
    assert_eq!(role, "repo");
    Both {
        client,
        thread,
        heard,
    }
}

pub(super) fn settings() -> Settings {
    let mut settings = Settings::new("pgkeep 1.0");
    settings.limits = Limits {
        frame: 4096,
        window: 4 * (4096 + 64),
        shared: 64 * 1024,
        sessions: 4,
        message: 8192,
    };
    settings
}
