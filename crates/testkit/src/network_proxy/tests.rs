//! The proxy in front of a server that echoes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{Network, NetworkProxy};

#[test]
fn the_first_connections_are_reset_and_the_next_is_carried() {
    let proxy = Network::new().reset_first(2, 3).to(echo()).unwrap();
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

fn ask(proxy: &NetworkProxy, times: usize) -> (usize, TcpStream) {
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
fn a_plain_network_passes_everything_and_counts() {
    let proxy = Network::new().to(echo()).unwrap();
    assert_eq!(ask(&proxy, 5).0, 5);
    assert_eq!((proxy.connections(), proxy.bytes()), (1, 40));
    assert!(!proxy.has_struck());
}

#[test]
fn a_delay_is_added_in_both_directions() {
    let proxy = Network::new()
        .delay(Duration::from_millis(20))
        .to(echo())
        .unwrap();
    let started = Instant::now();
    assert_eq!(ask(&proxy, 3).0, 3);
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[test]
fn round_trips_are_those_one_after_the_other() {
    let proxy = Network::new()
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
fn round_trips_of_several_connections_are_those_one_after_the_other() {
    let proxy = Network::new()
        .delay(Duration::from_millis(20))
        .to(echo())
        .unwrap();
    let (_, mut one) = ask(&proxy, 2);
    let (_, mut other) = ask(&proxy, 1);
    assert_eq!((proxy.round_trips(), proxy.round_trips_of_all()), (2, 3));
    // Two under way at once are one, whatever connection they are on.
    let mut answer = [0; 4];
    for stream in [&mut one, &mut other] {
        stream.write_all(b"ping").unwrap();
    }
    for stream in [&mut one, &mut other] {
        stream.read_exact(&mut answer).unwrap();
    }
    assert_eq!((proxy.round_trips(), proxy.round_trips_of_all()), (3, 4));
}

#[test]
fn a_cut_at_a_piece_hits_the_first_connection_only() {
    let proxy = Network::new().cut_at_piece(4).to(echo()).unwrap();
    assert_eq!(ask(&proxy, 5).0, 1);
    assert!(proxy.has_struck());
    assert_eq!(ask(&proxy, 5).0, 5);
}

#[test]
fn a_cut_at_a_byte_passes_what_comes_before_it() {
    let proxy = Network::new()
        .cut_at_byte(10)
        .every_connection()
        .to(echo())
        .unwrap();
    assert_eq!(ask(&proxy, 5).0, 1);
    assert_eq!(ask(&proxy, 5).0, 1);
}

#[test]
fn a_muted_connection_passes_nothing_to_the_server_and_its_end_to_the_client() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let proxy = Network::new()
        .mute_client_at_byte(9)
        .to(listener.local_addr().unwrap())
        .unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut got = [0; 4];
    client.write_all(b"ping").unwrap();
    server.read_exact(&mut got).unwrap();
    server.write_all(b"pong").unwrap();
    client.read_exact(&mut got).unwrap();
    client.write_all(b"more").unwrap();
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
    let proxy = Network::new().stall_at_piece(3).to(echo()).unwrap();
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
