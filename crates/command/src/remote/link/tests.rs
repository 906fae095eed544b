use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use pgkeep_protocol::{Canceller, Exchange, Lane, Raised, Service, Streams, accept, memory_pair};

use super::*;
use crate::remote::wire::greeting::{RepositoryAnswer, Side};

/// What the other host does with the next connection; it serves when nothing is said.
#[derive(Debug)]
enum Next {
    Refuse(Raised),
    /// Ends at once, as a program that is not there.
    Vanish,
    /// Is there and says nothing.
    Hang,
}

#[derive(Default)]
struct Host {
    next: Mutex<VecDeque<Next>>,
    served: Mutex<Vec<(Canceller, JoinHandle<pgkeep_protocol::Result<()>>)>>,
    silent: Mutex<Vec<Streams>>,
    ended: AtomicUsize,
    /// Another process keeps a connection.
    lends: std::sync::atomic::AtomicBool,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

struct Echo;

impl Service for Echo {
    fn serve(&self, mut exchange: Exchange) {
        match exchange.receive::<String>() {
            Ok(text) if text == "fail" => {
                exchange.fail(Raised::new(55, "unable to open missing file").with_hint("look"));
            }
            Ok(text) => drop(exchange.finish(&text)),
            Err(_) => {}
        }
    }
}

#[derive(Debug)]
struct Dialer(Arc<Host>);

#[derive(Debug)]
struct Wire {
    host: Arc<Host>,
    fate: Option<Error>,
}

impl Carrier for Wire {
    fn fate(&self, _seen: &pgkeep_protocol::Error) -> Option<Error> {
        self.fate.clone()
    }

    fn kill(&self) {
        // The host that says nothing goes.
        self.host.silent.lock().unwrap().clear();
    }

    fn end(&self) {
        self.host.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Dial for Dialer {
    fn borrow(&self) -> Option<Dialed> {
        let lends = self.0.lends.load(Ordering::SeqCst);
        lends.then(|| self.dial().ok()).flatten()
    }

    fn dial(&self) -> Result<Dialed> {
        let host = &self.0;
        let (there, streams) = memory_pair(10_000);
        let next = host.next.lock().unwrap().pop_front();
        let mut fate = None;
        match next {
            Some(Next::Vanish) => {
                fate = Some(Error::new(ErrorCode::Unknown, "it is not there"));
            }
            Some(Next::Hang) => host.silent.lock().unwrap().push(there),
            Some(Next::Refuse(raised)) => {
                std::thread::spawn(move || {
                    let guest = accept(there, &own_side::settings()).unwrap();
                    guest.refuse(raised);
                });
            }
            None => {
                let (tell, told) = channel();
                let thread = std::thread::spawn(move || {
                    let guest = accept(there, &own_side::settings())?;
                    tell.send(guest.canceller()).unwrap();
                    let answer = Answer::Repo(RepositoryAnswer::default());
                    guest.serve(&answer, 1, &Echo)
                });
                let host = Arc::clone(host);
                // Only once it was greeted is there something to cut.
                std::thread::spawn(move || {
                    let canceller = told.recv().unwrap();
                    host.served.lock().unwrap().push((canceller, thread));
                });
            }
        }
        Ok(Dialed {
            streams,
            carrier: Box::new(Wire {
                host: Arc::clone(&self.0),
                fate,
            }),
        })
    }
}

impl Host {
    fn expect(&self, next: Next) {
        self.next.lock().unwrap().push_back(next);
    }

    /// The other end of the last connection.
    fn last(&self) -> (Canceller, JoinHandle<pgkeep_protocol::Result<()>>) {
        loop {
            if let Some(last) = self.served.lock().unwrap().pop() {
                return last;
            }
            std::thread::yield_now();
        }
    }
}

fn link(host: &Arc<Host>, command: &str, locks: &[&str]) -> (Link, Cancel) {
    let mut greeting = Greeting::new(Side::Repo, command);
    greeting.locks = locks.iter().map(|name| (*name).to_owned()).collect();
    let name = HostName {
        side: Side::Repo,
        key: 1,
        host: "backup".to_owned(),
        transport: "ssh",
    };
    let cancel = Cancel::default();
    let link = Link::new(
        name,
        Box::new(Dialer(Arc::clone(host))),
        greeting,
        cancel.clone(),
    );
    (link, cancel)
}

fn echo(link: &Link, text: &str) -> Result<String> {
    let client = link.client()?;
    client
        .call(Lane::Own, &text)
        .map_err(|error| link.error(&error))
}

#[test]
fn one_connection_is_made_when_needed_and_ended_with_a_goodbye() {
    let host = Arc::default();
    let (link, _) = link(&host, "info", &[]);
    assert_eq!(link.made(), 0);
    assert_eq!(echo(&link, "a").unwrap(), "a");
    assert_eq!(
        link.answer().unwrap(),
        Answer::Repo(RepositoryAnswer::default())
    );
    assert_eq!(echo(&link, "b").unwrap(), "b");
    assert_eq!(link.made(), 1);
    let (_, thread) = host.last();
    drop(link);
    thread.join().unwrap().unwrap();
    assert_eq!(host.ended.load(Ordering::SeqCst), 1);
}

#[test]
fn whoever_comes_while_a_connection_is_made_waits_for_it() {
    let host = Arc::default();
    let (link, _) = link(&host, "info", &[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| echo(&link, "a").unwrap());
        }
    });
    assert_eq!(link.made(), 1);
}

#[test]
fn an_error_of_the_other_host_keeps_its_code_and_hints_and_says_where_it_comes_from() {
    let host = Arc::default();
    let (link, _) = link(&host, "info", &[]);
    let error = echo(&link, "fail").unwrap_err();
    assert_eq!(error.code, ErrorCode::FileMissing);
    assert_eq!(
        error.text(),
        "raised from remote-0 ssh protocol on 'backup': unable to open missing file\nHINT: look"
    );
    // It ends a session and not the connection.
    assert_eq!(echo(&link, "a").unwrap(), "a");
    assert_eq!(link.made(), 1);
}

#[test]
fn a_refusal_is_told_and_the_next_try_makes_a_new_connection() {
    let host: Arc<Host> = Arc::default();
    host.expect(Next::Refuse(Raised::new(62, "stop file exists")));
    let (link, _) = link(&host, "expire", &["demo-backup-1.lock"]);
    let error = link.client().unwrap_err();
    assert_eq!(error.code, ErrorCode::Stop);
    assert_eq!(
        error.text(),
        "raised from remote-0 ssh protocol on 'backup': stop file exists"
    );
    assert_eq!(echo(&link, "a").unwrap(), "a");
    assert_eq!(host.ended.load(Ordering::SeqCst), 1);
}

#[test]
fn whoever_carries_the_bytes_knows_better_why_they_ended() {
    let host: Arc<Host> = Arc::default();
    host.expect(Next::Vanish);
    let (link, _) = link(&host, "info", &[]);
    let error = link.client().unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (ErrorCode::Unknown, "it is not there")
    );
}

#[test]
fn a_lost_connection_is_made_anew_unless_locks_went_with_it() {
    for (command, locks, again) in [
        ("backup", vec![], true),
        ("archive-push", vec!["demo-archive-1.lock"], true),
        ("backup", vec!["demo-backup-1.lock"], false),
    ] {
        let host = Arc::default();
        let (link, _) = link(&host, command, &locks);
        let client = link.client().unwrap();
        let (canceller, thread) = host.last();
        canceller.cancel();
        thread.join().unwrap().unwrap_err();
        while client.ended().is_none() {
            std::thread::yield_now();
        }
        drop(client);
        let after = echo(&link, "a");
        match again {
            true => assert_eq!((after.unwrap(), link.made()), ("a".to_owned(), 2)),
            false => {
                let error = after.unwrap_err();
                assert_eq!(error.code, ErrorCode::Protocol);
                assert!(
                    error
                        .message
                        .contains("remote-0 ssh protocol on 'backup': "),
                    "{error}"
                );
                assert_eq!(link.made(), 1);
            }
        }
    }
}

#[test]
fn a_run_that_is_asked_to_stop_does_not_wait_for_a_greeting() {
    let host: Arc<Host> = Arc::default();
    host.expect(Next::Hang);
    let (link, cancel) = link(&host, "info", &[]);
    let error = std::thread::scope(|scope| {
        let connecting = scope.spawn(|| link.client().unwrap_err());
        while host.silent.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        cancel.cancel(15);
        connecting.join().unwrap()
    });
    assert_eq!(error.code, ErrorCode::Term);
    // Nor does it begin another connection.
    assert_eq!(link.client().unwrap_err().code, ErrorCode::Term);
    assert_eq!(host.ended.load(Ordering::SeqCst), 1);
}

#[test]
fn a_connection_that_is_kept_is_borrowed_and_nothing_depends_on_it() {
    let host: Arc<Host> = Arc::default();
    host.lends.store(true, Ordering::SeqCst);
    let (borrows, _) = link(&host, "archive-push", &[]);
    assert_eq!(echo(&borrows, "a").unwrap(), "a");
    assert_eq!((borrows.made(), borrows.made_itself()), (1, 0));
    // One that is lost under way is not borrowed again.
    let (canceller, thread) = host.last();
    let client = borrows.client().unwrap();
    canceller.cancel();
    thread.join().unwrap().unwrap_err();
    while client.ended().is_none() {
        std::thread::yield_now();
    }
    drop(client);
    assert_eq!(echo(&borrows, "b").unwrap(), "b");
    assert_eq!((borrows.made(), borrows.made_itself()), (2, 1));

    // Without an answer the run connects itself.
    host.expect(Next::Vanish);
    let (connects, _) = link(&host, "archive-push", &[]);
    assert_eq!(echo(&connects, "a").unwrap(), "a");
    assert_eq!((connects.made(), connects.made_itself()), (1, 1));

    // What the other host says counts.
    host.expect(Next::Refuse(Raised::new(62, "stop file exists")));
    let (refused, _) = link(&host, "archive-push", &[]);
    let error = echo(&refused, "a").unwrap_err();
    assert_eq!(error.code, ErrorCode::Stop);
    assert_eq!(refused.made(), 0);
}
