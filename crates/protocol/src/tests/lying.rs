//! The other side by hand: greetings that are none, frames that lie, and what the honest side says of it.

use std::io::{Read, Write};

use serde_json::json;

use super::service::*;
use crate::frame::{HEADER, Header, Kind, encode};
use crate::greeting::{Hello, MARKER, first_line};
use crate::*;

fn hello_frame() -> Vec<u8> {
    let hello = Hello::new(&settings(), None);
    encode(
        Kind::Hello,
        false,
        0,
        &serde_json::to_vec(&hello).expect("json"),
    )
}

/// Reads a frame of the honest side.
fn read_frame(streams: &mut Streams) -> (Header, Vec<u8>) {
    let mut header = [0; HEADER];
    streams.reader.read_exact(&mut header).expect("a frame");
    let header = Header::decode(&header, 1 << 20).expect("an honest frame");
    let mut payload = vec![0; header.length];
    streams.reader.read_exact(&mut payload).expect("a payload");
    (header, payload)
}

/// Reads until a request is there: what the client does to send it has succeeded then.
pub(super) fn read_request(streams: &mut Streams) {
    while read_frame(streams).0.kind != Kind::Message {}
}

/// Plays a server up to its welcome.
pub(super) fn welcome(mut streams: Streams) -> Streams {
    let welcome = encode(Kind::Welcome, false, 0, b"null");
    let words = [
        b"Last login: today\n".to_vec(),
        first_line("pgkeep 1.0"),
        MARKER.to_vec(),
        hello_frame(),
        welcome,
    ];
    streams.writer.write_all(&words.concat()).expect("room");
    streams.writer.flush().expect("room");
    let mut marker = [0; MARKER.len()];
    streams.reader.read_exact(&mut marker).expect("a marker");
    assert_eq!(&marker, MARKER);
    let (header, payload) = read_frame(&mut streams);
    assert_eq!(header.kind, Kind::Hello);
    let hello: Hello = serde_json::from_slice(&payload).expect("a hello");
    let request = hello.request.expect("a request");
    assert_eq!(request.get(), r#"{"role":"repo","stanza":"demo"}"#);
    streams
}

/// Plays a client up to its first request.
pub(super) fn ask(mut streams: Streams, ask: &Ask) -> Streams {
    let mut hello = Hello::new(&settings(), None);
    let request = serde_json::value::to_raw_value(&greeting()).expect("json");
    hello.request = Some(request);
    let hello = encode(
        Kind::Hello,
        false,
        0,
        &serde_json::to_vec(&hello).expect("json"),
    );
    streams
        .writer
        .write_all(&[MARKER.to_vec(), hello].concat())
        .expect("room");
    let line = first_line("pgkeep 1.0").len();
    let mut skipped = vec![0; line + MARKER.len()];
    streams.reader.read_exact(&mut skipped).expect("a greeting");
    while read_frame(&mut streams).0.kind != Kind::Welcome {}
    let frames = [
        encode(Kind::Open, false, 1, &[0]),
        encode(
            Kind::Message,
            false,
            1,
            &serde_json::to_vec(ask).expect("json"),
        ),
        encode(Kind::End, false, 1, &[]),
    ];
    streams.writer.write_all(&frames.concat()).expect("room");
    streams
}

/// What a client says of a server that sends `bytes` and is gone then.
fn client_of(bytes: &[u8]) -> Error {
    let (mut there, here) = memory_pair(1 << 20);
    there.writer.write_all(bytes).expect("room");
    drop(there.writer);
    let error = Client::connect::<_, ()>(here, &settings(), &greeting());
    error.map(drop).expect_err("no connection")
}

/// What a server says of such a client.
fn server_of(bytes: &[u8]) -> Error {
    let (mut there, here) = memory_pair(1 << 20);
    there.writer.write_all(bytes).expect("room");
    drop(there.writer);
    let served = accept(here, &settings()).and_then(|guest| {
        let (server, _heard) = Server::new();
        guest.serve(&(), 1, &*server)
    });
    served.expect_err("no connection")
}

#[test]
fn what_is_no_greeting_is_shown() {
    use ErrorKind::{Greeting, Lost, Version, Violation};
    let pgbackrest = b"{\"name\":\"pgBackRest\",\"service\":\"remote\",\"version\":\"2.60.0\"}\n";
    let future = json!({"protocol": {"lowest": 7, "highest": 9}, "program": "pgkeep 9.0"});
    let future = encode(Kind::Hello, false, 0, future.to_string().as_bytes());
    let no_hello = encode(Kind::Hello, false, 0, b"{\"protocol\":\"a secret\"}");
    let first = encode(Kind::Alive, false, 0, &[]);
    for (bytes, kind, text) in [
        (
            vec![],
            Lost,
            "the connection to the other host ended before its greeting",
        ),
        (
            b"bash: pgkeep: command not found\n".to_vec(),
            Lost,
            "the connection to the other host ended before its greeting; it printed: bash: pgkeep: command not found",
        ),
        (
            pgbackrest.to_vec(),
            Greeting,
            "pgBackRest 2.60.0 answered on the other host, not pgkeep",
        ),
        (
            b"x".repeat(70_000),
            Greeting,
            "the other host printed more than 65536 bytes and no greeting; it printed: xxx",
        ),
        (
            [MARKER.as_slice(), &first].concat(),
            Violation,
            "the other host broke the protocol: it does not say who it is",
        ),
        (
            [MARKER.as_slice(), &no_hello].concat(),
            Violation,
            "the other host broke the protocol: a message is no Hello: it has other fields",
        ),
        (
            [MARKER.as_slice(), &no_hello[..12]].concat(),
            Lost,
            "the connection to the other host ended before its greeting",
        ),
        (
            [MARKER.as_slice(), &future].concat(),
            Version,
            "pgkeep 1.0 on this host knows protocol version 1 and pgkeep 9.0 on the other host knows versions 7 to 9",
        ),
        (
            [MARKER.as_slice(), &[99; HEADER]].concat(),
            Violation,
            "the other host broke the protocol: a frame has the unknown kind 99",
        ),
    ] {
        let error = client_of(&bytes);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(text), "{error}");
        // A server hears the same, but nothing may be printed before a client's greeting.
        if bytes.starts_with(MARKER) {
            assert_eq!(server_of(&bytes), error);
        }
    }
    let error = server_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(
        error.to_string(),
        "what called this host is not pgkeep: its first bytes are no greeting"
    );
}

#[test]
fn a_lie_ends_the_connection_on_both_sides_with_what_it_was() {
    let data = encode(Kind::Data, false, 1, &[0; 4096]);
    for (frames, wrong) in [
        (
            data.repeat(9),
            "session 1 overruns its window of 16640 bytes",
        ),
        (
            encode(Kind::Data, false, 7, &[1]),
            "a Data frame is for the unknown session 7",
        ),
        (
            b"\x13\0\0\0\0\x01\xff\xff\xff\xff".to_vec(),
            "a Data frame has 4294967295 bytes, 4096 at most",
        ),
        (
            b"garbage all over".to_vec(),
            "a frame has the unknown kind 103",
        ),
        (
            encode(Kind::Message, false, 1, b"no json"),
            "a message is no alloc::string::String",
        ),
    ] {
        let (there, here) = socket_pair();
        let hand = std::thread::spawn(move || {
            let mut streams = welcome(there);
            read_request(&mut streams);
            // The honest side may hang up in the middle.
            let _ = streams.writer.write_all(&frames);
            let mut said = None;
            let mut header = [0; HEADER];
            while streams.reader.read_exact(&mut header).is_ok() {
                let header = Header::decode(&header, 1 << 20).expect("an honest frame");
                let mut payload = vec![0; header.length];
                streams.reader.read_exact(&mut payload).expect("a payload");
                if matches!(header.kind, Kind::Fail | Kind::Abort) {
                    said = Some(String::from_utf8_lossy(&payload).into_owned());
                    break;
                }
            }
            said
        });
        let (client, ()) = Client::connect(here, &settings(), &greeting()).expect("a connection");
        // Nothing is read before the lie is found out: the window is what bounds it.
        let exchange = client.open(Lane::Worker).expect("room");
        let mut exchange = exchange;
        exchange.send(&Ask::Talk).expect("sent");
        let error = if wrong.contains("message") {
            exchange.receive::<String>().expect_err("a lie")
        } else {
            while client.ended().is_none() {
                std::thread::yield_now();
            }
            client.ended().expect("ended")
        };
        assert_eq!(error.kind(), ErrorKind::Violation);
        let text = error.to_string();
        let plain = wrong.replace("alloc::string::", "");
        assert!(text.contains(&plain), "{text} has no {plain}");
        drop(exchange);
        drop(client);
        let said = hand.join().expect("no panic").expect("the liar is told");
        assert!(wrong.contains("message") || said.contains(&plain), "{said}");
    }
}

#[test]
fn a_request_of_another_shape_is_an_error_for_its_session_only() {
    let both = both(socket_pair(), 1, settings());
    let error = both
        .client
        .call::<_, String>(Lane::Worker, &json!({"Unheard": 1}));
    assert_eq!(
        error.expect_err("unknown").to_string(),
        "the other host gave no answer"
    );
    let told = both.heard.recv().expect("told");
    assert!(told.contains("a message is no Ask"), "{told}");
    let answer: Result<String> = both.client.call(Lane::Worker, &Ask::Echo("x".to_owned()));
    assert_eq!(answer, Ok("x".to_owned()));
}
