//! The processes that serve connections, one each: started, watched, ended.
//!
//! A process of its own keeps a client's faults to itself, gives its memory and files back for sure, and is what `stop --force`
//! finds in a lock file. Until it has let its client in, that is a stranger. Of strangers there are only so many: when there
//! is no room for the next, the one that has been there longest goes, unless it has come just now.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::hand_over::{ADMITTED, HandOver, SERVE};
use super::wake::Bell;
use crate::run::context::Context;

/// Clients that may be there without having been let in.
const MOST_STRANGERS: usize = 64;
/// So long one is left alone in any case.
const PATIENCE: Duration = Duration::from_secs(3);
/// So long processes have to end by themselves.
const GRACE: Duration = Duration::from_secs(5);

struct Client {
    address: SocketAddr,
    since: Instant,
    pid: Option<Pid>,
    stranger: bool,
}

#[derive(Default)]
struct Table {
    clients: Mutex<BTreeMap<u64, Client>>,
    changed: Condvar,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processes of a server.
pub(super) struct Processes {
    table: Arc<Table>,
    next: u64,
    bell: Bell,
}

impl Processes {
    pub(super) fn new(bell: Bell) -> Self {
        Self {
            table: Arc::default(),
            next: 0,
            bell,
        }
    }

    /// Nothing if there is room for another client now, or when to look again.
    pub(super) fn is_full(&self) -> Option<Duration> {
        let clients = self.table.lock();
        let strangers = || clients.values().filter(|client| client.stranger);
        if strangers().count() < MOST_STRANGERS {
            return None;
        }
        let oldest = strangers().min_by_key(|client| client.since)?;
        let waited = oldest.since.elapsed();
        if waited < PATIENCE {
            return Some(PATIENCE - waited);
        }
        log::warn!(
            "client at {} is sent away: it has not said what it wants, and others wait",
            oldest.address
        );
        end(oldest, Signal::TERM);
        // Its process tells when it is gone.
        Some(PATIENCE)
    }

    /// Starts a process for a client.
    pub(super) fn start(
        &mut self,
        context: &Context,
        client: TcpStream,
        address: SocketAddr,
        hand_over: Arc<HandOver>,
    ) {
        let number = self.next;
        self.next += 1;
        let stranger = Client {
            address,
            since: Instant::now(),
            pid: None,
            stranger: true,
        };
        self.table.lock().insert(number, stranger);
        let mut command = Command::new(&context.program_path);
        // The address is for whoever looks at the list of processes.
        command.args([SERVE, &address.to_string()]);
        let (table, bell) = (Arc::clone(&self.table), self.bell.clone());
        let watch = move || {
            if let Err(error) = serve(&table, number, command, &client, &hand_over) {
                log::warn!("unable to serve the client at {address}: {error}");
            }
            table.lock().remove(&number);
            table.changed.notify_all();
            bell.ring();
        };
        let thread = std::thread::Builder::new().name("server-client".to_owned());
        if let Err(error) = thread.spawn(watch) {
            log::warn!("unable to serve the client at {address}: {error}");
            self.table.lock().remove(&number);
        }
    }

    /// Ends all of them.
    pub(super) fn terminate(&self) {
        let mut clients = self.table.lock();
        let mut told = BTreeSet::new();
        let until = Instant::now() + GRACE;
        loop {
            // One that was just being started has its number only now.
            for (number, client) in clients.iter() {
                if let Some(pid) = client.pid
                    && told.insert(*number)
                {
                    log::warn!("terminate child process {}", pid.as_raw_nonzero());
                    end(client, Signal::TERM);
                }
            }
            if clients.is_empty() {
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                clients
                    .values()
                    .for_each(|client| end(client, Signal::KILL));
                return;
            }
            (clients, _) = (self.table.changed.wait_timeout(clients, left))
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Only while it is in the table, so its number is no other's yet.
fn end(client: &Client, signal: Signal) {
    if let Some(pid) = client.pid {
        // It may have ended by itself just now.
        let _ = kill_process(pid, signal);
    }
}

/// Starts the process, hands the client over, and waits for the end.
fn serve(
    table: &Table,
    number: u64,
    mut command: Command,
    client: &TcpStream,
    hand_over: &HandOver,
) -> io::Result<()> {
    let (mut own, theirs) = UnixStream::pair()?;
    let mut child = command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
    // It holds the other end of the pair, whose closing is what ends the wait below.
    drop(command);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let change = |change: &dyn Fn(&mut Client)| {
        if let Some(client) = table.lock().get_mut(&number) {
            change(client);
        }
    };
    change(&|client| client.pid = pid);
    table.changed.notify_all();
    let handed = hand_over.send(&mut own, client);
    let mut word = [0];
    // It says one word when it has let the client in, and goes with its end of the pair.
    while own.read(&mut word).is_ok_and(|count| count > 0) {
        if word == [ADMITTED] {
            change(&|client| client.stranger = false);
        }
    }
    change(&|client| client.pid = None);
    let status = child.wait()?;
    handed?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("its process ended with {status}"))),
    }
}
