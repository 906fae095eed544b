//! What a client can ask for, over every kind of connection.

use std::io::{Read, Write};
use std::sync::mpsc::channel;

use super::service::*;
use crate::*;

fn on_each(test: impl Fn(&Both)) {
    for pair in pairs() {
        let both = both(pair, 2, settings());
        test(&both);
        let ends = (both.client.finish(), both.thread.join().expect("no panic"));
        assert_eq!(ends, (Ok(()), Ok(())));
    }
}

fn echo(client: &Client, text: &str) -> String {
    let ask = Ask::Echo(text.to_owned());
    client.call(Lane::Worker, &ask).expect("an echo")
}

#[test]
fn a_request_has_its_answer_also_a_long_one() {
    on_each(|both| {
        assert_eq!(both.client.peer().program, "pgkeep 1.0");
        for length in [0, 1, 4000, 8000] {
            let text = "x".repeat(length);
            assert_eq!(echo(&both.client, &text), text);
        }
        let error = both
            .client
            .call::<_, String>(Lane::Own, &Ask::Echo("x".repeat(9000)));
        assert_eq!(error.expect_err("too long").kind(), ErrorKind::Unsendable);
        assert_eq!(echo(&both.client, "still there"), "still there");
    });
}

#[test]
fn requests_are_under_way_at_the_same_time_and_answers_come_in_any_order() {
    on_each(|both| {
        let client = &both.client;
        let later = client
            .ask::<_, String>(Lane::Worker, &Ask::Later)
            .expect("sent");
        assert_eq!(both.heard.recv().as_deref(), Ok("kept"));
        let asked: Vec<_> = (0..3)
            .map(|number| client.ask::<_, String>(Lane::Worker, &Ask::Echo(number.to_string())))
            .collect();
        for (number, pending) in asked.into_iter().enumerate() {
            let answer = pending.expect("sent").wait();
            assert_eq!(answer.expect("an echo"), number.to_string());
        }
        assert_eq!(
            client.call(Lane::Worker, &Ask::Release),
            Ok("released".to_owned())
        );
        assert_eq!(later.wait(), Ok("later".to_owned()));
    });
}

#[test]
fn more_requests_than_sessions_wait_for_their_turn() {
    on_each(|both| {
        let (send, receive) = channel();
        for number in 0..100 {
            let send = send.clone();
            let ask = Ask::Echo("y".repeat(number * 50));
            let pending = both
                .client
                .ask::<_, String>(Lane::Worker, &ask)
                .expect("sent");
            pending.notify(move |answer| send.send(answer.expect("an echo").len()).expect("heard"));
        }
        drop(send);
        let mut lengths: Vec<usize> = receive.iter().collect();
        lengths.sort_unstable();
        assert_eq!(
            lengths,
            (0..100).map(|number| number * 50).collect::<Vec<_>>()
        );
    });
}

#[test]
fn bytes_come_down_between_an_answer_and_a_report() {
    on_each(|both| {
        for length in [0, 1, 4096, 1_000_000] {
            let mut download = both
                .client
                .read(Lane::Worker, &Ask::Read(length))
                .expect("sent");
            assert_eq!(download.answer::<usize>(), Ok(length));
            let mut bytes = Vec::new();
            download.read_to_end(&mut bytes).expect("bytes");
            assert!(bytes == pattern(length), "bytes come as they were sent");
            assert_eq!(download.report::<String>(), Ok("read".to_owned()));
        }
    });
}

#[test]
fn bytes_that_were_not_read_are_not_skipped_for_the_report() {
    on_each(|both| {
        for read in [0, 10] {
            let ask = Ask::Read(10_000);
            let mut download = both.client.read(Lane::Worker, &ask).expect("sent");
            assert_eq!(download.answer::<usize>(), Ok(10_000));
            let mut some = vec![0; read];
            download.read_exact(&mut some).expect("bytes");
            let error = download.report::<String>().expect_err("bytes are left");
            assert!(
                error
                    .to_string()
                    .ends_with("bytes came in place of a message")
            );
        }
    });
}

#[test]
fn a_value_longer_than_a_message_travels_as_bytes_within_its_own_limit() {
    on_each(|both| {
        for (count, fits) in [(0, true), (10_000, true), (30_000, false)] {
            let mut exchange = both.client.open(Lane::Worker).expect("room");
            exchange.send(&Ask::Long).expect("sent");
            let sent = exchange.send_as_bytes(&vec!["entry"; count]);
            exchange.end();
            let answer = exchange.receive::<usize>();
            if fits {
                assert_eq!((sent, answer), (Ok(()), Ok(count)));
            } else {
                assert!(answer.is_err());
                let told = both.heard.recv().expect("told");
                assert!(
                    told.ends_with("a value that is sent as bytes has more than 200000"),
                    "{told}"
                );
            }
        }
    });
}

#[test]
fn several_files_are_on_their_way_while_the_first_is_read() {
    on_each(|both| {
        let asked: Vec<_> = (0..4)
            .map(|_| {
                both.client
                    .read(Lane::Worker, &Ask::Read(200_000))
                    .expect("sent")
            })
            .collect();
        for mut download in asked {
            assert_eq!(download.answer::<usize>(), Ok(200_000));
            let mut length = 0;
            while let Some(chunk) = download.next_chunk().expect("bytes") {
                length += chunk.len();
            }
            assert_eq!(length, 200_000);
        }
    });
}

#[test]
fn bytes_go_up_and_the_report_is_waited_for_later() {
    on_each(|both| {
        let mut reports = Vec::new();
        for length in [0, 5, 300_000] {
            let mut upload = both.client.write(Lane::Worker, &Ask::Write).expect("sent");
            upload.write_all(&pattern(length)).expect("room");
            reports.push((length, upload.finish::<usize>()));
        }
        for (length, report) in reports {
            assert_eq!(report.wait(), Ok(length));
        }
    });
}

#[test]
fn threads_share_a_connection() {
    on_each(|both| {
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let client = &both.client;
                scope.spawn(move || {
                    for round in 0..10 {
                        let text = format!("{thread} {round}");
                        assert_eq!(echo(client, &text), text);
                        let mut upload = client.write(Lane::Worker, &Ask::Write).expect("sent");
                        upload.write_all(&pattern(50_000)).expect("room");
                        assert_eq!(upload.finish::<usize>().wait(), Ok(50_000));
                    }
                });
            }
        });
    });
}

#[test]
fn a_conversation_lasts_on_a_thread_of_its_own_beside_busy_workers() {
    on_each(|both| {
        let mut talk = both.client.open(Lane::Own).expect("room");
        talk.send(&Ask::Talk).expect("sent");
        let waits: Vec<_> = (0..2)
            .map(|_| {
                both.client
                    .ask::<_, String>(Lane::Worker, &Ask::Echo("a".to_owned()))
            })
            .collect();
        for number in 0..50u64 {
            talk.send(&number).expect("sent");
            assert_eq!(talk.receive::<u64>(), Ok(number + 1));
        }
        for pending in waits {
            assert_eq!(pending.expect("sent").wait(), Ok("a".to_owned()));
        }
        talk.end();
        assert_eq!(talk.receive_next::<u64>(), Ok(None));
    });
}

#[test]
fn an_error_crosses_with_its_code_and_hints() {
    on_each(|both| {
        let error = both.client.call::<_, String>(Lane::Worker, &Ask::Fail(55));
        let error = error.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::Raised);
        let raised = error.raised().expect("of the other side").clone();
        assert_eq!(
            (raised.code, error.hints()),
            (55, &["try again".to_owned()][..])
        );
        let text = raised
            .prefixed("raised from remote-0 ssh protocol on 'pg1': ")
            .text;
        assert_eq!(
            text,
            "raised from remote-0 ssh protocol on 'pg1': it failed"
        );
    });
}

#[test]
fn a_handler_that_panics_or_says_nothing_fails_its_request_alone() {
    on_each(|both| {
        for ask in [Ask::Panic, Ask::NoAnswer, Ask::Panic, Ask::Panic] {
            let error = both.client.call::<_, String>(Lane::Worker, &ask);
            let error = error.expect_err("no answer").to_string();
            assert_eq!(error, "the other host gave no answer");
        }
        assert_eq!(echo(&both.client, "x"), "x");
    });
}

#[test]
fn a_request_that_is_given_up_frees_its_worker() {
    on_each(|both| {
        for _ in 0..5 {
            // As many as there are workers: the others could not be served if these stayed.
            let mut waits: Vec<_> = (0..2)
                .map(|_| both.client.write(Lane::Worker, &Ask::Wait).expect("sent"))
                .collect();
            for _ in 0..2 {
                assert!(both.heard.iter().any(|told| told == "waiting"));
            }
            waits
                .iter_mut()
                .for_each(|wait| wait.flush().expect("open"));
            drop(waits);
            for _ in 0..2 {
                assert!(both.heard.iter().any(|told| told == "given up: true"));
            }
            assert_eq!(echo(&both.client, "x"), "x");
        }
    });
}

#[test]
fn bytes_that_are_not_read_any_more_stop_and_the_rest_goes_on() {
    on_each(|both| {
        for _ in 0..10 {
            let mut download = both
                .client
                .read(Lane::Worker, &Ask::Read(5_000_000))
                .expect("sent");
            assert_eq!(download.answer::<usize>(), Ok(5_000_000));
            assert!(download.next_chunk().expect("bytes").is_some());
            drop(download);
            assert!(
                both.heard
                    .iter()
                    .any(|told| told == "error: the request was given up")
            );
        }
        assert_eq!(echo(&both.client, "x"), "x");
    });
}

#[test]
fn an_answer_before_the_last_byte_does_not_stop_the_writer() {
    on_each(|both| {
        let mut upload = both
            .client
            .write(Lane::Worker, &Ask::WriteSome(10))
            .expect("sent");
        upload
            .write_all(&pattern(500_000))
            .expect("taken and thrown away");
        assert_eq!(upload.finish::<usize>().wait(), Ok(10));
    });
}

#[test]
fn a_server_refuses_with_its_reason() {
    for (there, here) in pairs() {
        let (server, _heard) = Server::new();
        let thread = serve(there, settings(), server, 1);
        let request = Greeting {
            stanza: Some("forbidden".to_owned()),
            ..greeting()
        };
        let error = Client::connect::<_, String>(here, &settings(), &request);
        let error = error.expect_err("refused");
        assert_eq!(error.to_string(), "stop file exists for stanza forbidden");
        assert_eq!(error.raised().map(|raised| raised.code), Some(62));
        thread.join().expect("no panic").expect("it was told");
    }
}
