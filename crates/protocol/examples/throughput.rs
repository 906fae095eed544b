//! How fast bytes and requests go over a pair of sockets on this machine, with 1 and 4 sessions. Run by hand (`benches/protocol`).
#![allow(clippy::print_stdout)]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use pgkeep_protocol::{Client, Error, Exchange, Lane, Result, Service, Settings, Streams, accept};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Ask {
    Down(usize),
    Up,
    Nothing,
}

struct Server;

impl Server {
    fn answer(mut exchange: Exchange) -> Result<()> {
        match exchange.receive()? {
            Ask::Down(length) => {
                let piece = vec![7; 64 * 1024];
                for _ in 0..length / piece.len() {
                    exchange.write_all(&piece).map_err(Error::from_stream)?;
                }
                exchange.finish(&())
            }
            Ask::Up => {
                let mut length = 0;
                while let Some(chunk) = exchange.next_chunk()? {
                    length += chunk.len();
                }
                exchange.finish(&length)
            }
            Ask::Nothing => exchange.finish(&()),
        }
    }
}

impl Service for Server {
    fn serve(&self, exchange: Exchange) {
        Self::answer(exchange).expect("the client is honest");
    }
}

fn streams(stream: UnixStream) -> Streams {
    let reader = stream.try_clone().expect("a socket");
    let closes = stream.try_clone().expect("a socket");
    Streams::new(reader, stream, move |_| {
        let _ = closes.shutdown(Shutdown::Both);
    })
}

fn bare(total: usize) {
    let (mut from, mut to) = UnixStream::pair().expect("sockets");
    let begun = Instant::now();
    let writer = std::thread::spawn(move || {
        let piece = vec![7; 64 * 1024];
        for _ in 0..total / piece.len() {
            from.write_all(&piece).expect("room");
        }
    });
    let mut piece = vec![0; 64 * 1024];
    while to.read(&mut piece).expect("bytes") > 0 {}
    writer.join().expect("no panic");
    report("the bare pair of sockets", total, begun);
}

fn report(what: &str, total: usize, begun: Instant) {
    let rate = total as f64 / 1e6 / begun.elapsed().as_secs_f64();
    println!("{what:<40} {rate:>8.0} MB/s");
}

fn main() {
    let total = 2 << 30;
    bare(total);
    let (there, here) = UnixStream::pair().expect("sockets");
    let settings = Settings::new("throughput");
    let there = streams(there);
    let own = settings.clone();
    let server = std::thread::spawn(move || accept(there, &own)?.serve(&(), 4, &Server));
    let (client, ()) = Client::connect(streams(here), &settings, &()).expect("a connection");
    for sessions in [1, 4] {
        let each = total / sessions;
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..sessions {
                scope.spawn(|| {
                    let mut down = client.read(Lane::Worker, &Ask::Down(each)).expect("sent");
                    while down.next_chunk().expect("bytes").is_some() {}
                    down.report::<()>().expect("a report");
                });
            }
        });
        report(&format!("down, sessions: {sessions}"), total, begun);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..sessions {
                scope.spawn(|| {
                    let mut up = client.write(Lane::Worker, &Ask::Up).expect("sent");
                    let piece = vec![7; 64 * 1024];
                    for _ in 0..each / piece.len() {
                        up.write_all(&piece).expect("room");
                    }
                    assert_eq!(up.finish::<usize>().wait().expect("a report"), each);
                });
            }
        });
        report(&format!("up, sessions: {sessions}"), total, begun);
    }
    for under_way in [1, 32] {
        let begun = Instant::now();
        let rounds = 40_000 / under_way;
        for _ in 0..rounds {
            let asked: Vec<_> = (0..under_way)
                .map(|_| {
                    client
                        .ask::<_, ()>(Lane::Worker, &Ask::Nothing)
                        .expect("sent")
                })
                .collect();
            for pending in asked {
                pending.wait().expect("an answer");
            }
        }
        let rate = (rounds * under_way) as f64 / begun.elapsed().as_secs_f64();
        println!(
            "{:<40} {rate:>8.0} requests/s",
            format!("empty requests, under way: {under_way}")
        );
    }
    client.finish().expect("an orderly end");
    server.join().expect("no panic").expect("an orderly end");
}
