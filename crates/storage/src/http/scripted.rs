//! A server for tests that answers each request with the next line of a script, and keeps what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Endpoint, HttpSettings};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status line after the version, further headers, body.
    Answer(&'static str, &'static str, Vec<u8>),
    /// Says that so many more bytes come, and closes the connection.
    Truncated(&'static str, usize),
    /// Closes the connection without an answer.
    Close,
    /// Says nothing and keeps the connection.
    Silence,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer("200 OK", "", body.into())
    }

    pub(crate) fn status(status: &'static str, body: &str) -> Self {
        Self::Answer(status, "", body.into())
    }
}

/// The script and what was asked.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Reply>,
    asked: Vec<String>,
    bodies: Vec<Vec<u8>>,
    connections: usize,
}

impl Scripted {
    pub(crate) fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let own = Self {
            port: listener.local_addr().expect("it has a port").port(),
            state: Arc::new(Mutex::new(State {
                script: script.into_iter().collect(),
                ..State::default()
            })),
        };
        let server = own.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                server.lock().connections += 1;
                let server = server.clone();
                std::thread::spawn(move || server.serve(client));
            }
        });
        own
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settings for a client of it; the patience is short.
    pub(crate) fn settings(&self) -> HttpSettings {
        let mut settings = HttpSettings::new(Endpoint {
            tls: false,
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
        });
        settings.io_timeout = Duration::from_millis(400);
        settings
    }

    /// Heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    /// Bodies of the requests so far.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.lock().bodies.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.lock().connections
    }

    fn serve(&self, client: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(client.try_clone().ok()?);
        let mut client = client;
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).ok()? == 0 {
                    return None;
                }
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|length| length.parse().ok())
                .unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let reply = {
                let mut state = self.lock();
                state.asked.push(head.clone());
                state.bodies.push(body);
                state.script.pop_front().unwrap_or(Reply::Close)
            };
            match reply {
                Reply::Answer(status, headers, body) => {
                    write!(
                        client,
                        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n",
                        body.len()
                    )
                    .ok()?;
                    if !head.starts_with("HEAD") {
                        client.write_all(&body).ok()?;
                    }
                }
                Reply::Truncated(body, more) => {
                    let length = body.len() + more;
                    write!(
                        client,
                        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
                    )
                    .ok()?;
                    return None;
                }
                Reply::Close => return None,
                Reply::Silence => loop {
                    std::thread::park();
                },
            }
        }
    }
}
