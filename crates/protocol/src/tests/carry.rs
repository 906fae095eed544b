//! Sessions that carry bytes for others.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::{Client, Exchange, Lane, Service, Settings, accept, memory_pair};

/// Sends back what comes, in capitals, until `q` comes.
struct Echo;

impl Service for Echo {
    fn serve(&self, exchange: Exchange) {
        let (near, far) = UnixStream::pair().unwrap();
        let echo = std::thread::spawn(move || {
            let mut far = far;
            let mut buffer = [0; 1000];
            while let Ok(count @ 1..) = far.read(&mut buffer) {
                if buffer[..count].contains(&b'q') {
                    return;
                }
                far.write_all(&buffer[..count].to_ascii_uppercase())
                    .unwrap();
            }
        });
        exchange.carry(near.try_clone().unwrap(), HalfOf(near));
        echo.join().unwrap();
    }
}

/// The writing half, as the pipe to a child is: its drop ends that direction.
struct HalfOf(UnixStream);

impl Write for HalfOf {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for HalfOf {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }
}

/// A socket behind which the other host echoes.
fn with_echo(test: impl FnOnce(UnixStream)) {
    let (there, here) = memory_pair(5000);
    let server = std::thread::spawn(move || {
        let guest = accept(there, &Settings::new("there")).unwrap();
        guest.request::<()>().unwrap();
        let _ = guest.serve(&(), 1, &Echo);
    });
    let (client, ()) = Client::connect(here, &Settings::new("here"), &()).unwrap();
    let exchange = client.open(Lane::Own).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    let carries =
        std::thread::spawn(move || exchange.carry(near.try_clone().unwrap(), Whole(near)));
    test(far);
    carries.join().unwrap();
    client.finish().unwrap();
    server.join().unwrap();
}

struct Whole(UnixStream);

impl Write for Whole {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

#[test]
fn bytes_go_both_ways_until_the_client_ends() {
    with_echo(|mut socket| {
        let sent = vec![b'x'; 300_000];
        let mut sends = socket.try_clone().unwrap();
        let all = sent.clone();
        let sender = std::thread::spawn(move || sends.write_all(&all).unwrap());
        let mut came = vec![0; sent.len()];
        socket.read_exact(&mut came).unwrap();
        assert!(came.iter().all(|byte| *byte == b'X'));
        sender.join().unwrap();
    });
}

#[test]
fn the_client_learns_at_once_that_the_other_end_has_gone() {
    with_echo(|mut socket| {
        socket.write_all(b"q").unwrap();
        assert_eq!(socket.read(&mut [0; 10]).unwrap(), 0);
    });
}
