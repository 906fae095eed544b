//! What the threads of a connection and the owners of its sessions have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::frame::{self, Kind};
use crate::greeting::Hello;
use crate::raised::Raised;
use crate::session::Table;
use crate::settings::Pace;
use crate::streams::Closing;
use crate::timer::{Alarm, Timer};

/// How a connection ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Orderly,
    Failed(Error),
}

/// What is left to do for a [`Watch`] that has seen all it wanted.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

/// Looks when something has come for a session: for whoever does not wait in a thread of its own.
pub(crate) trait Watch: Send {
    /// Looks at the session. `Some`: there is no more to watch, and this is to be called.
    fn look(&mut self) -> Option<Done>;
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) table: Table,
    pub(crate) hello: Option<Hello>,
    pub(crate) welcome: Option<Vec<u8>>,
    pub(crate) ended: Option<Ending>,
    /// A write failed. The other side may have said why before it went, so the reader gets time to find it.
    pub(crate) write_failed: Option<Error>,
    /// What was printed before the greeting.
    pub(crate) printed: String,
    /// The last frame, which says why the connection ends.
    pub(crate) farewell: Option<Vec<u8>>,
    pub(crate) closed: bool,
    /// Since when a client waits, by session.
    waiting: HashMap<u32, Duration>,
}

type Close = Box<dyn FnOnce(Closing) + Send>;

pub(crate) struct Core {
    state: Mutex<State>,
    /// Greeted, welcomed, opened, room for a session, or ended.
    pub(crate) changed: Condvar,
    /// There is something to write.
    pub(crate) outgoing: Condvar,
    pub(crate) pace: Pace,
    pub(crate) timer: Arc<dyn Timer>,
    /// Ends a wait of the keeper.
    pub(crate) alarm: Arc<Alarm>,
    heard: AtomicU64,
    said: AtomicU64,
    close: Mutex<Option<Close>>,
    watches: Mutex<HashMap<u32, Box<dyn Watch>>>,
}

impl Core {
    pub(crate) fn new(table: Table, pace: Pace, timer: Arc<dyn Timer>, close: Close) -> Arc<Self> {
        let core = Self {
            state: Mutex::new(State {
                table,
                hello: None,
                welcome: None,
                ended: None,
                write_failed: None,
                printed: String::new(),
                farewell: None,
                closed: false,
                waiting: HashMap::new(),
            }),
            changed: Condvar::new(),
            outgoing: Condvar::new(),
            pace,
            timer,
            alarm: Arc::default(),
            heard: AtomicU64::new(0),
            said: AtomicU64::new(0),
            close: Mutex::new(Some(close)),
            watches: Mutex::default(),
        };
        core.note_heard();
        core.note_said();
        Arc::new(core)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait<'a>(on: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        on.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer if there is something to write.
    pub(crate) fn stir(&self, state: &State) {
        if state.table.has_output() {
            self.outgoing.notify_one();
        }
    }

    pub(crate) fn note_heard(&self) {
        self.heard
            .store(nanoseconds(self.timer.now()), Ordering::Relaxed);
    }

    pub(crate) fn note_said(&self) {
        self.said
            .store(nanoseconds(self.timer.now()), Ordering::Relaxed);
    }

    /// When something was last heard, and last sent.
    pub(crate) fn last(&self) -> (Duration, Duration) {
        let read = |at: &AtomicU64| Duration::from_nanos(at.load(Ordering::Relaxed));
        (read(&self.heard), read(&self.said))
    }

    /// The client waits in this session from now on, unless it does already.
    pub(crate) fn note_waiting(&self, state: &mut State, id: u32) {
        let now = self.timer.now();
        state.waiting.entry(id).or_insert(now);
    }

    /// It goes on.
    pub(crate) fn note_progress(state: &mut State, id: u32) {
        state.waiting.remove(&id);
    }

    /// Who waits has waited no longer than this: before it this process was stopped.
    pub(super) fn forgive_waiting(&self, now: Duration) {
        self.lock()
            .waiting
            .values_mut()
            .for_each(|since| *since = now);
    }

    /// How long the client has waited in the session that has waited longest.
    pub(super) fn longest_wait(&self, now: Duration) -> Duration {
        let since = self.lock().waiting.values().min().copied();
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Ends the connection, unless it has ended already: the first reason is the one that counts.
    pub(crate) fn end(&self, ending: Ending) {
        {
            let mut state = self.lock();
            if state.ended.is_some() {
                return;
            }
            if let Ending::Failed(error) = &ending
                && state.farewell.is_none()
            {
                state.farewell = farewell(error);
            }
            state.ended = Some(ending);
            state.table.wake_all();
        }
        self.changed.notify_all();
        self.outgoing.notify_all();
        self.alarm.ring();
        let watched: Vec<u32> = self.watches().keys().copied().collect();
        watched.into_iter().for_each(|id| self.came(id));
    }

    /// Ends the connection with an error of this side that the other is told as it is.
    pub(crate) fn refuse(&self, raised: Raised) {
        {
            let mut state = self.lock();
            if state.ended.is_none() {
                state.farewell = Some(frame::encode(Kind::Fail, false, 0, &raised.encode()));
            }
        }
        self.fail(Error::raised_there(raised));
    }

    pub(crate) fn fail(&self, error: Error) {
        self.end(Ending::Failed(error));
    }

    /// Why nothing can be done any more.
    pub(crate) fn reason(ending: &Ending) -> Error {
        match ending {
            Ending::Failed(error) => error.clone(),
            Ending::Orderly => Error::new(
                ErrorKind::Lost,
                "the connection to the other host has ended",
            ),
        }
    }

    /// An error once the connection has ended.
    pub(crate) fn check(state: &State) -> Result<()> {
        state
            .ended
            .as_ref()
            .map_or(Ok(()), |ending| Err(Self::reason(ending)))
    }

    pub(crate) fn close(&self, how: Closing) {
        let close = (self.close.lock().unwrap_or_else(PoisonError::into_inner)).take();
        if let Some(close) = close {
            close(how);
        }
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits until the end of the connection has been told as far as it can be, and the streams are closed.
    pub(crate) fn wait_closed(&self) {
        let mut state = self.lock();
        while !state.closed {
            state = Self::wait(&self.changed, state);
        }
    }

    fn watches(&self) -> MutexGuard<'_, HashMap<u32, Box<dyn Watch>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `watch` look at the session now and whenever something comes for it.
    pub(crate) fn watch(&self, id: u32, watch: Box<dyn Watch>) {
        self.watches().insert(id, watch);
        self.came(id);
    }

    /// Something came for this session.
    pub(crate) fn came(&self, id: u32) {
        let done = {
            // Held while it looks: what comes meanwhile is looked at afterwards.
            let mut watches = self.watches();
            let done = watches.get_mut(&id).and_then(|watch| watch.look());
            if done.is_some() {
                watches.remove(&id);
            }
            done
        };
        if let Some(done) = done {
            done();
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Core")
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What the other side is told of an error, if it can hear it and does not know it.
fn farewell(error: &Error) -> Option<Vec<u8>> {
    if matches!(error.kind(), ErrorKind::Lost | ErrorKind::Raised) {
        return None;
    }
    let raised = Raised::new(0, error.to_string());
    Some(frame::encode(Kind::Fail, false, 0, &raised.encode()))
}

/// Ends a connection from any thread, for instance when a signal has come.
#[derive(Debug, Clone)]
pub struct Canceller(Arc<Core>);

impl Canceller {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self(Arc::clone(core))
    }

    /// Ends the connection: whoever waits gets an error, and the other side is told.
    pub fn cancel(&self) {
        self.0.fail(Error::cancelled());
    }

    /// The same with an error that the other side is told as it is.
    pub fn refuse(&self, raised: Raised) {
        self.0.refuse(raised);
    }
}
