//! Carries one connection: passes pieces on, late, and cuts, stalls, mutes or resets where the network says so.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::counters::{Counts, Shared};
use super::network::Network;

/// One connection.
#[derive(Debug, Default)]
struct Connection {
    counts: Counts,
    stalled: AtomicBool,
    muted: AtomicBool,
    /// Round trips behind what each end knows.
    known: Known,
}

#[derive(Debug, Default)]
struct Known {
    client: AtomicU64,
    server: AtomicU64,
    /// Of those of all connections, which the client has together.
    server_of_all: AtomicU64,
}

/// What an end sent, and how many round trips are behind it.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    behind: u64,
    /// As `behind`, of those of all connections.
    behind_of_all: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Towards {
    Server,
    Client,
}

pub(super) fn connect(
    network: Network,
    client: TcpStream,
    server: SocketAddr,
    shared: &Arc<Shared>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let number = shared.connections.fetch_add(1, Ordering::AcqRel) + 1;
    if number <= network.resets {
        let at = network.reset_at_piece;
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
        let (sending, counting) = (Arc::clone(&connection), Arc::clone(&shared));
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(size @ 1..) = source.read(&mut buffer) {
                let (behind, behind_of_all) = match towards {
                    Towards::Server => (
                        sending.known.client.load(Ordering::Acquire) + 1,
                        counting.round_trips_of_all.load(Ordering::Acquire) + 1,
                    ),
                    Towards::Client => (
                        sending.known.server.load(Ordering::Acquire),
                        sending.known.server_of_all.load(Ordering::Acquire),
                    ),
                };
                let piece = Piece {
                    due: Instant::now() + network.delay,
                    bytes: buffer[..size].to_vec(),
                    behind,
                    behind_of_all,
                };
                if sender.send(piece).is_err() {
                    break;
                }
            }
        });
        thread::spawn(move || {
            pass_on(network, towards, &receiver, &from, to, &connection, &shared);
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
    network: Network,
    towards: Towards,
    pieces: &Receiver<Piece>,
    from: &TcpStream,
    mut to: TcpStream,
    connection: &Connection,
    shared: &Shared,
) {
    let counts = if network.every_connection {
        &connection.counts
    } else {
        &shared.counts
    };
    while let Ok(Piece {
        due,
        bytes: piece,
        behind,
        behind_of_all,
    }) = pieces.recv()
    {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = counts.pieces.fetch_add(1, Ordering::AcqRel) + 1;
        let before = counts.bytes.fetch_add(piece.len() as u64, Ordering::AcqRel);
        let over = network.for_good && shared.strikes.load(Ordering::Acquire) > 0;
        let muted = towards == Towards::Server && connection.muted.load(Ordering::Acquire);
        if over || muted || connection.stalled.load(Ordering::Acquire) {
            continue;
        }
        let reached = |limit: Option<u64>| limit.is_some_and(|limit| number >= limit);
        let after = before + piece.len() as u64;
        let last = network
            .cut_at_byte
            .and_then(|limit| (after >= limit).then(|| limit.saturating_sub(before)));
        let mutes = towards == Towards::Server
            && (network.mute_client_at_byte).is_some_and(|limit| after >= limit);
        let strikes = reached(network.cut_at_piece)
            || reached(network.stall_at_piece)
            || mutes
            || last.is_some();
        if strikes
            && (shared.strikes.fetch_add(1, Ordering::AcqRel) == 0 || network.every_connection)
        {
            if mutes {
                connection.muted.store(true, Ordering::Release);
                continue;
            }
            if reached(network.stall_at_piece) {
                connection.stalled.store(true, Ordering::Release);
                continue;
            }
            let kept = last.map_or(0, |last| {
                usize::try_from(last).unwrap_or(0).min(piece.len())
            });
            // The other end may be gone already; the connection is cut either way.
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
            shared
                .round_trips_of_all
                .fetch_max(behind_of_all, Ordering::AcqRel);
        } else {
            connection.known.server.fetch_max(behind, Ordering::AcqRel);
            connection
                .known
                .server_of_all
                .fetch_max(behind_of_all, Ordering::AcqRel);
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
