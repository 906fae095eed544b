//! Bytes through one TLS connection that two threads use.

use std::io::{Read, Write};
use std::sync::mpsc::channel;

use pgkeep_protocol::{Client, Closing, Exchange, Lane, Service, Settings, Streams, accept};

use super::handshake::Case;

/// Two ends of a TLS connection.
fn streams() -> (Streams, Streams) {
    let (client, server) = Case::default().run();
    (
        client.unwrap().into_streams(),
        server.unwrap().0.into_streams(),
    )
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn both_directions_are_full_at_the_same_time_and_nothing_is_lost() {
    const LENGTH: usize = 20_000_000;
    let (client, server) = streams();
    let mut ends = Vec::new();
    std::thread::scope(|scope| {
        for streams in [client, server] {
            let Streams {
                mut reader,
                mut writer,
                close,
            } = streams;
            scope.spawn(move || {
                // Pieces of odd lengths.
                for piece in pattern(LENGTH).chunks(100_003) {
                    writer.write_all(piece).unwrap();
                }
                drop(writer);
            });
            scope.spawn(move || {
                let mut got = Vec::new();
                reader.read_to_end(&mut got).unwrap();
                assert!(got == pattern(LENGTH));
            });
            ends.push(close);
        }
    });
    ends.into_iter().for_each(|close| close(Closing::Orderly));
}

#[test]
fn whoever_waits_for_the_other_side_goes_on_when_the_connection_is_given_up() {
    let (client, server) = streams();
    let Streams {
        mut reader,
        mut writer,
        close,
    } = client;
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        let tell_read = tell.clone();
        scope.spawn(move || {
            let ended = reader.read(&mut [0; 100]).map_or(true, |count| count == 0);
            tell_read.send(ended).unwrap();
        });
        scope.spawn(move || {
            // Nobody reads there: at some point this waits.
            let piece = vec![0; 1_000_000];
            let ended = (0..1000).any(|_| writer.write_all(&piece).is_err());
            tell.send(ended).unwrap();
        });
        close(Closing::Broken);
        assert!(told.recv().unwrap());
        assert!(told.recv().unwrap());
    });
    drop(server);
}

struct Echo;

impl Service for Echo {
    fn serve(&self, mut exchange: Exchange) {
        if let Ok(text) = exchange.receive::<String>() {
            let _ = exchange.finish(&text);
        }
    }
}

#[test]
fn the_protocol_greets_serves_and_says_goodbye_over_tls() {
    let (here, there) = streams();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let guest = accept(there, &Settings::new("pgkeep of the test")).unwrap();
            let request: String = guest.request().unwrap();
            guest.serve(&format!("hello {request}"), 2, &Echo)
        });
        let settings = Settings::new("pgkeep of the test");
        let (client, answer) = Client::connect::<_, String>(here, &settings, &"demo").unwrap();
        assert_eq!(answer, "hello demo");
        std::thread::scope(|calls| {
            for number in 0..8 {
                let client = &client;
                calls.spawn(move || {
                    let text = format!("{number}").repeat(10_000);
                    let back: String = client.call(Lane::Worker, &text).unwrap();
                    assert_eq!(back, text);
                });
            }
        });
        client.finish().unwrap();
        server.join().unwrap().unwrap();
    });
}
