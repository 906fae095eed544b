//! A dead, stalled or stopped other side, with a clock that the test moves.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::service::*;
use crate::*;

fn timed() -> (Settings, Arc<ManualTimer>) {
    let timer = Arc::new(ManualTimer::default());
    let mut settings = settings();
    settings.timer = timer.clone();
    (settings, timer)
}

/// Moves the clock by seconds until `over`, at most a minute and a half. Tells how long it took. Whoever works is waited for.
fn advance_until(timer: &ManualTimer, mut over: impl FnMut() -> bool) -> u64 {
    let mut seconds = 0;
    while !over() {
        if timer.is_waited_for() {
            timer.advance(Duration::from_secs(1));
            seconds += 1;
            assert!(seconds < 90, "a dead side is not noticed");
        }
        std::thread::yield_now();
    }
    seconds
}

#[test]
fn two_sides_that_have_nothing_to_say_stay_connected() {
    let (settings, timer) = timed();
    let both = both(memory_pair(1000), 1, settings);
    for _ in 0..40 {
        timer.advance(Duration::from_secs(1));
        // The sign of life is on its way: what the other side needs for that takes no time of this clock.
        for _ in 0..50 {
            std::thread::yield_now();
        }
        let answer: Result<String> = both.client.call(Lane::Own, &Ask::Echo("x".to_owned()));
        assert_eq!(answer, Ok("x".to_owned()));
    }
    both.client.finish().expect("an orderly end");
    both.thread
        .join()
        .expect("no panic")
        .expect("an orderly end");
}

#[test]
fn a_server_that_says_no_more_ends_every_wait_in_seconds() {
    let (settings, timer) = timed();
    // The other side is written by hand: it greets, takes the client in, and never says another word.
    let (there, here) = memory_pair(100_000);
    let hand = std::thread::spawn(move || super::lying::welcome(there));
    let (client, ()) = Client::connect(here, &settings, &greeting()).expect("a connection");
    let _held = hand.join().expect("no panic");
    let client = Arc::new(client);
    let waits: Vec<_> = (0..3)
        .map(|_| {
            let client = Arc::clone(&client);
            std::thread::spawn(move || client.call::<_, String>(Lane::Worker, &Ask::Wait))
        })
        .collect();
    let seconds = advance_until(&timer, || client.ended().is_some());
    assert!((14..=17).contains(&seconds), "{seconds}");
    for wait in waits {
        let error = wait.join().expect("no panic").expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Silent);
        let text = error.to_string();
        assert!(
            text.starts_with("nothing was heard of the other host for 1"),
            "{text}"
        );
    }
    assert_eq!(
        client.open(Lane::Own).expect_err("ended").kind(),
        ErrorKind::Silent
    );
}

#[test]
fn a_client_that_neither_reads_nor_speaks_does_not_hold_a_server() {
    let (settings, timer) = timed();
    // Full at once: the server's writer is stuck in the middle of an answer.
    let (there, here) = memory_pair(200);
    let (server, heard) = Server::new();
    let thread = serve(there, settings, server, 1);
    let _held = super::lying::ask(here, &Ask::Read(1_000_000));
    advance_until(&timer, || thread.is_finished());
    let error = thread
        .join()
        .expect("no panic")
        .expect_err("the client is dead");
    assert_eq!(error.kind(), ErrorKind::Silent);
    assert!(
        heard
            .iter()
            .any(|told| told.starts_with("lost: nothing was heard"))
    );
}

#[test]
fn a_greeting_that_does_not_come_is_not_waited_for_without_end() {
    let (settings, timer) = timed();
    let banner = b"Welcome to pg1\n";
    let (mut there, here) = memory_pair(banner.len());
    let connect = {
        let settings = settings.clone();
        std::thread::spawn(move || Client::connect::<_, String>(here, &settings, &greeting()))
    };
    // Each write ends when the one before it was read, so after the third the first has been looked at.
    for piece in [banner.as_slice(), &[b'\n'; 15], b"\n"] {
        there.writer.write_all(piece).expect("room");
    }
    advance_until(&timer, || connect.is_finished());
    let error = connect.join().expect("no panic").expect_err("no greeting");
    assert_eq!(error.kind(), ErrorKind::Silent);
    let text = error.to_string();
    assert!(
        text.starts_with("no greeting came from the other host within 6"),
        "{text}"
    );
    assert!(text.ends_with("; it printed: Welcome to pg1"), "{text}");
}

#[test]
fn a_server_that_lives_and_does_not_answer_ends_the_wait_when_the_time_for_an_answer_is_over() {
    let (mut settings, timer) = timed();
    settings.pace.answer_within = Some(Duration::from_secs(60));
    let both = both(memory_pair(1000), 2, settings);
    let client = Arc::new(both.client);
    // Each side hears the other, however little time the machine gives them.
    let alive = || client.call::<_, String>(Lane::Own, &Ask::Echo("x".to_owned()));
    // A session that has asked for nothing for longer waits for nothing.
    for _ in 0..70 {
        timer.advance(Duration::from_secs(1));
        assert_eq!(alive(), Ok("x".to_owned()));
    }
    let waits = {
        let client = Arc::clone(&client);
        std::thread::spawn(move || client.call::<_, String>(Lane::Worker, &Ask::Later))
    };
    // The wait has begun once the server has the request.
    assert_eq!(both.heard.recv().as_deref(), Ok("kept"));
    let mut seconds = 0;
    while client.ended().is_none() {
        timer.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 90, "the wait is not ended");
        let _ = alive();
    }
    assert!(seconds >= 59, "{seconds}");
    let error = waits.join().expect("no panic").expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Silent);
    assert!(
        error.to_string().contains("lives, but has not answered"),
        "{error}"
    );
}
