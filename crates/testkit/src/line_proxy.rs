//! A bad line: a TCP proxy on a loopback port that delays, cuts or stalls.
//!
//! Delay is added in each direction to every piece of data without limiting how much is under way, so it acts like
//! distance. A cut or stall happens at a count of pieces or bytes, never at a time, and so is the same in every run.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{During, Result};

/// What happens on the line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    delay: Duration,
    cut_at_piece: Option<u64>,
    cut_at_byte: Option<u64>,
    stall_at_piece: Option<u64>,
    hold_at_piece: Option<u64>,
    every_connection: bool,
    for_good: bool,
    resets: u64,
    reset_at_piece: u64,
}

impl Line {
    /// A line that does nothing to what it carries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time from one end to the other; the round trip is twice that.
    pub fn delay(mut self, one_way: Duration) -> Self {
        self.delay = one_way;
        self
    }

    /// Closes the connection in place of passing on the n-th piece (counted from 1, both directions and all connections
    /// together).
    pub fn cut_at_piece(mut self, n: u64) -> Self {
        self.cut_at_piece = Some(n);
        self
    }

    /// Closes the connection when n bytes have passed, both directions and all connections together.
    pub fn cut_at_byte(mut self, n: u64) -> Self {
        self.cut_at_byte = Some(n);
        self
    }

    /// From the n-th piece on nothing passes any more, but the connection stays open.
    pub fn stall_at_piece(mut self, n: u64) -> Self {
        self.stall_at_piece = Some(n);
        self
    }

    /// From the n-th piece on nothing more reaches the server on that connection, as from a client that has nothing to say; what
    /// the server sends still passes, its end of the connection too.
    pub fn hold_at_piece(mut self, n: u64) -> Self {
        self.hold_at_piece = Some(n);
        self
    }

    /// Cuts, stalls and holds hit every connection, each counted on its own; otherwise only the one that reaches the count.
    pub fn every_connection(mut self) -> Self {
        self.every_connection = true;
        self
    }

    /// Once it has struck, nothing passes any more, on new connections neither.
    pub fn for_good(mut self) -> Self {
        self.for_good = true;
        self
    }

    /// Resets each of the first connections in place of passing on its n-th piece (counted from 1, both directions), as an sshd
    /// that has too many of them does.
    pub fn reset_first(mut self, connections: u64, n: u64) -> Self {
        (self.resets, self.reset_at_piece) = (connections, n);
        self
    }

    /// Opens the proxy in front of `server`.
    pub fn to(self, server: SocketAddr) -> Result<LineProxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).during("open a loopback port")?;
        let address = listener.local_addr().during("read the port")?;
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if state.closed.load(Ordering::Acquire) {
                    break;
                }
                if let Ok(client) = client {
                    // A refused connection to the server shows at the client as a closed one.
                    let _ = connect(self, client, server, &state);
                }
            }
        });
        Ok(LineProxy { address, shared })
    }
}

#[derive(Debug, Default)]
struct Shared {
    closed: AtomicBool,
    connections: AtomicU64,
    pieces: AtomicU64,
    bytes: AtomicU64,
    strikes: AtomicU64,
    round_trips: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    /// Of all connections.
    counts: Counts,
}

/// The open proxy; all its connections are closed when it is dropped.
#[derive(Debug)]
pub struct LineProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl LineProxy {
    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Pieces of data passed on so far.
    pub fn pieces(&self) -> u64 {
        self.shared.pieces.load(Ordering::Acquire)
    }

    /// Bytes passed on so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Acquire)
    }

    /// Round trips one after the other so far, of the connection that took most: the longest chain of a piece from the client
    /// that was sent after the answer to the one before it. Making the TCP connection is not part of it. Meant for a line with a
    /// delay, beside which the time an end needs to answer is nothing.
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::Acquire)
    }

    /// True once a cut, stall or hold has happened.
    pub fn has_struck(&self) -> bool {
        self.strikes() > 0
    }

    /// Cuts, stalls and holds so far.
    pub fn strikes(&self) -> u64 {
        self.shared.strikes.load(Ordering::Acquire)
    }

    /// Closes all connections that are open now, as a reboot between the hosts would.
    pub fn cut_all(&self) {
        let mut open = self
            .shared
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for stream in open.drain(..) {
            // Already closed by an end: nothing to do.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for LineProxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.cut_all();
        // Wakes the accepting thread so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

/// What reached the proxy, both directions, struck pieces included.
#[derive(Debug, Default)]
struct Counts {
    pieces: AtomicU64,
    bytes: AtomicU64,
}

/// One connection.
#[derive(Debug, Default)]
struct Connection {
    counts: Counts,
    stalled: AtomicBool,
    held: AtomicBool,
    /// Round trips behind what each end knows.
    known: Known,
}

#[derive(Debug, Default)]
struct Known {
    client: AtomicU64,
    server: AtomicU64,
}

/// What an end sent, and how many round trips are behind it.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    behind: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Towards {
    Server,
    Client,
}

fn connect(
    line: Line,
    client: TcpStream,
    server: SocketAddr,
    shared: &Arc<Shared>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let number = shared.connections.fetch_add(1, Ordering::AcqRel) + 1;
    if number <= line.resets {
        let at = line.reset_at_piece;
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // Whatever an end says meanwhile, the connection is reset.
            let _ = pass_until(at, &client, &server);
            let _ = rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO));
            shared.strikes.fetch_add(1, Ordering::AcqRel);
        });
        return Ok(());
    }
    {
        let mut open = shared
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        open.push(client.try_clone()?);
        open.push(server.try_clone()?);
    }
    let connection = Arc::new(Connection::default());
    for (from, to, towards) in [
        (client.try_clone()?, server.try_clone()?, Towards::Server),
        (server, client, Towards::Client),
    ] {
        let (sender, receiver) = sync_channel::<Piece>(4096);
        let (connection, shared) = (Arc::clone(&connection), Arc::clone(shared));
        let mut source = from.try_clone()?;
        let sending = Arc::clone(&connection);
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(size @ 1..) = source.read(&mut buffer) {
                let behind = match towards {
                    Towards::Server => sending.known.client.load(Ordering::Acquire) + 1,
                    Towards::Client => sending.known.server.load(Ordering::Acquire),
                };
                let piece = Piece {
                    due: Instant::now() + line.delay,
                    bytes: buffer[..size].to_vec(),
                    behind,
                };
                if sender.send(piece).is_err() {
                    break;
                }
            }
        });
        thread::spawn(move || {
            pass_on(line, towards, &receiver, &from, to, &connection, &shared);
        });
    }
    Ok(())
}

/// Passes pieces on, in the order in which they come, until the one at which the connection is reset. One thread has the
/// connection alone: a reset needs its last descriptor.
fn pass_until(at: u64, client: &TcpStream, server: &TcpStream) -> std::io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let (mut buffer, mut number) = (vec![0; 65_536], 0);
    loop {
        let mut ready = [
            PollFd::new(client, PollFlags::IN),
            PollFd::new(server, PollFlags::IN),
        ];
        poll(&mut ready, None)?;
        let [by_client, by_server] = ready.map(|one| !one.revents().is_empty());
        for (speaks, mut from, mut to) in [(by_client, client, server), (by_server, server, client)]
        {
            if !speaks {
                continue;
            }
            let size = from.read(&mut buffer)?;
            number += 1;
            if size == 0 || number >= at {
                return Ok(());
            }
            to.write_all(&buffer[..size])?;
        }
    }
}

fn pass_on(
    line: Line,
    towards: Towards,
    pieces: &Receiver<Piece>,
    from: &TcpStream,
    mut to: TcpStream,
    connection: &Connection,
    shared: &Shared,
) {
    let counts = if line.every_connection {
        &connection.counts
    } else {
        &shared.counts
    };
    while let Ok(Piece {
        due,
        bytes: piece,
        behind,
    }) = pieces.recv()
    {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = counts.pieces.fetch_add(1, Ordering::AcqRel) + 1;
        let before = counts.bytes.fetch_add(piece.len() as u64, Ordering::AcqRel);
        let over = line.for_good && shared.strikes.load(Ordering::Acquire) > 0;
        let held = towards == Towards::Server && connection.held.load(Ordering::Acquire);
        if over || held || connection.stalled.load(Ordering::Acquire) {
            continue;
        }
        let reached = |limit: Option<u64>| limit.is_some_and(|limit| number >= limit);
        let last = line.cut_at_byte.and_then(|limit| {
            (before + piece.len() as u64 >= limit).then(|| limit.saturating_sub(before))
        });
        let holds = towards == Towards::Server && reached(line.hold_at_piece);
        let strikes =
            reached(line.cut_at_piece) || reached(line.stall_at_piece) || holds || last.is_some();
        if strikes && (shared.strikes.fetch_add(1, Ordering::AcqRel) == 0 || line.every_connection)
        {
            if holds {
                connection.held.store(true, Ordering::Release);
                continue;
            }
            if reached(line.stall_at_piece) {
                connection.stalled.store(true, Ordering::Release);
                continue;
            }
            let kept = last.map_or(0, |last| {
                usize::try_from(last).unwrap_or(0).min(piece.len())
            });
            // The other end may be gone already; the line is cut either way.
            let _ = to.write_all(&piece[..kept]);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
        shared.pieces.fetch_add(1, Ordering::AcqRel);
        shared.bytes.fetch_add(piece.len() as u64, Ordering::AcqRel);
        // Before the bytes: the other end may answer at once.
        if towards == Towards::Client {
            connection.known.client.fetch_max(behind, Ordering::AcqRel);
            shared.round_trips.fetch_max(behind, Ordering::AcqRel);
        } else {
            connection.known.server.fetch_max(behind, Ordering::AcqRel);
        }
        if to.write_all(&piece).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
    if !connection.stalled.load(Ordering::Acquire) {
        let _ = to.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_connections_are_reset_and_the_next_is_carried() {
        let proxy = Line::new().reset_first(2, 3).to(echo()).unwrap();
        for _ in 0..2 {
            let mut client = TcpStream::connect(proxy.address()).unwrap();
            let mut answer = [0; 1];
            client.write_all(b"a").unwrap();
            client.read_exact(&mut answer).unwrap();
            client.write_all(b"b").unwrap();
            let error = client.read_exact(&mut answer).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        for piece in [b"a", b"b", b"c"] {
            let mut answer = [0; 1];
            client.write_all(piece).unwrap();
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, piece);
        }
        assert_eq!(proxy.strikes(), 2);
    }

    /// A server that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        address
    }

    fn ask(proxy: &LineProxy, times: usize) -> (usize, TcpStream) {
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        let mut answered = 0;
        for _ in 0..times {
            let mut answer = [0; 4];
            if stream.write_all(b"ping").is_err() || stream.read_exact(&mut answer).is_err() {
                break;
            }
            answered += 1;
        }
        (answered, stream)
    }

    #[test]
    fn a_plain_line_passes_everything_and_counts() {
        let proxy = Line::new().to(echo()).unwrap();
        assert_eq!(ask(&proxy, 5).0, 5);
        assert_eq!((proxy.connections(), proxy.bytes()), (1, 40));
        assert!(!proxy.has_struck());
    }

    #[test]
    fn a_delay_is_added_in_both_directions() {
        let proxy = Line::new()
            .delay(Duration::from_millis(20))
            .to(echo())
            .unwrap();
        let started = Instant::now();
        assert_eq!(ask(&proxy, 3).0, 3);
        assert!(started.elapsed() >= Duration::from_millis(120));
    }

    #[test]
    fn round_trips_are_those_one_after_the_other() {
        let proxy = Line::new()
            .delay(Duration::from_millis(20))
            .to(echo())
            .unwrap();
        let (_, mut stream) = ask(&proxy, 3);
        assert_eq!(proxy.round_trips(), 3);
        // Two under way at once are one.
        let mut answers = [0; 8];
        stream.write_all(b"ping").unwrap();
        stream.write_all(b"pong").unwrap();
        stream.read_exact(&mut answers).unwrap();
        assert_eq!(proxy.round_trips(), 4);
    }

    #[test]
    fn a_cut_at_a_piece_hits_the_first_connection_only() {
        let proxy = Line::new().cut_at_piece(4).to(echo()).unwrap();
        assert_eq!(ask(&proxy, 5).0, 1);
        assert!(proxy.has_struck());
        assert_eq!(ask(&proxy, 5).0, 5);
    }

    #[test]
    fn a_cut_at_a_byte_passes_what_comes_before_it() {
        let proxy = Line::new()
            .cut_at_byte(10)
            .every_connection()
            .to(echo())
            .unwrap();
        assert_eq!(ask(&proxy, 5).0, 1);
        assert_eq!(ask(&proxy, 5).0, 1);
    }

    #[test]
    fn a_held_connection_passes_nothing_to_the_server_and_its_end_to_the_client() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Line::new()
            .hold_at_piece(3)
            .to(listener.local_addr().unwrap())
            .unwrap();
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut got = [0; 4];
        client.write_all(b"ping").unwrap();
        server.read_exact(&mut got).unwrap();
        server.write_all(b"pong").unwrap();
        client.read_exact(&mut got).unwrap();
        client.write_all(b"held").unwrap();
        server.write_all(b"last").unwrap();
        client.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"last");
        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut got).unwrap(), 0);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut got).unwrap(), 0, "the piece was passed on");
        assert!(proxy.has_struck());
    }

    #[test]
    fn a_stalled_connection_stays_open_and_silent() {
        let proxy = Line::new().stall_at_piece(3).to(echo()).unwrap();
        let (answered, mut stream) = {
            let stream = TcpStream::connect(proxy.address()).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let mut stream = stream;
            let mut answer = [0; 4];
            stream.write_all(b"ping").unwrap();
            stream.read_exact(&mut answer).unwrap();
            (1, stream)
        };
        assert_eq!(answered, 1);
        stream.write_all(b"ping").unwrap();
        let error = stream.read(&mut [0; 4]).unwrap_err();
        assert!(matches!(
            error.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ));
    }
}
