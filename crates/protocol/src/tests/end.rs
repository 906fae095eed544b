//! Ends of a connection: goodbye, cancel, a process that is gone, and what each tells whoever waits.

use std::io::Write;

use super::service::*;
use crate::*;

#[test]
fn a_cancelled_run_ends_every_wait_and_the_server_is_told() {
    for pair in pairs() {
        let Both {
            client,
            thread,
            heard,
        } = both(pair, 2, settings());
        let canceller = client.canceller();
        let wait = std::thread::spawn(move || client.call::<_, String>(Lane::Worker, &Ask::Later));
        assert_eq!(heard.recv().as_deref(), Ok("kept"));
        canceller.cancel();
        let error = wait.join().expect("no panic").expect_err("cancelled");
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (ErrorKind::Cancelled, "the run was asked to stop")
        );
        let error = thread.join().expect("no panic").expect_err("cancelled");
        assert_eq!(error.to_string(), "the run was asked to stop");
        assert!(
            heard
                .iter()
                .any(|told| told == "lost: the run was asked to stop")
        );
    }
}

#[test]
fn a_server_that_is_gone_fails_what_waits_and_what_comes() {
    for pair in pairs() {
        let (there, here) = pair;
        let hand = std::thread::spawn(move || super::lying::welcome(there));
        let (client, ()) = Client::connect(here, &settings(), &greeting()).expect("a connection");
        let (told, results) = std::sync::mpsc::channel();
        let pending = client
            .ask::<_, String>(Lane::Worker, &Ask::Wait)
            .expect("sent");
        pending.notify(move |answer| told.send(answer).expect("heard"));
        // As a process that is killed: the system closes its ends.
        let streams = hand.join().expect("no panic");
        (streams.close)(Closing::Broken);
        let error = results.recv().expect("called").expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::Lost);
        assert_eq!(
            error.to_string(),
            "the other host ended the connection unexpectedly"
        );
        let error = client
            .call::<_, String>(Lane::Worker, &Ask::Wait)
            .expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::Lost);
        assert_eq!(client.finish().expect_err("gone").kind(), ErrorKind::Lost);
    }
}

#[test]
fn a_client_that_is_gone_ends_the_server_and_what_it_does() {
    for pair in pairs() {
        let Both {
            client,
            thread,
            heard,
        } = both(pair, 2, settings());
        let _kept = client.write(Lane::Worker, &Ask::Wait).expect("sent");
        assert_eq!(heard.recv().as_deref(), Ok("waiting"));
        drop(client);
        assert!(thread.join().expect("no panic").is_err());
        assert!(heard.iter().any(|told| told == "given up: true"));
    }
}

#[test]
fn bytes_that_came_before_the_end_can_still_be_read() {
    let (there, here) = memory_pair(1 << 20);
    let hand = std::thread::spawn(move || {
        let mut streams = super::lying::welcome(there);
        let frames = [
            frame::encode(frame::Kind::Data, false, 1, b"last words"),
            frame::encode(
                frame::Kind::Fail,
                false,
                0,
                br#"{"code":99,"text":"disk on fire"}"#,
            ),
        ];
        super::lying::read_request(&mut streams);
        streams.writer.write_all(&frames.concat()).expect("room");
        streams
    });
    let (client, ()) = Client::connect(here, &settings(), &greeting()).expect("a connection");
    let mut download = client.read(Lane::Worker, &Ask::Read(10)).expect("sent");
    let _held = hand.join().expect("no panic");
    while client.ended().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(
        download.next_chunk().expect("bytes").as_deref(),
        Some(&b"last words"[..])
    );
    let error = download.next_chunk().expect_err("then the error");
    assert_eq!(
        (error.to_string(), error.raised().map(|raised| raised.code)),
        ("disk on fire".to_owned(), Some(99))
    );
}
