//! Whoever has a session has its handle: blocking calls around the table. Dropped before its end, it gives the session up.

use std::sync::{Arc, Condvar};

use super::core::{Core, State};
use crate::error::{Error, Result};
use crate::frame::Lane;
use crate::raised::Raised;
use crate::session::{Sent, Side, Taken, Want};

#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) core: Arc<Core>,
    pub(crate) id: u32,
    signal: Arc<Condvar>,
    side: Side,
    last: Last,
}

/// What the other side is told when the handle is dropped.
#[derive(Debug)]
enum Last {
    /// The end was told before, or the session is given up for this reason.
    GivenUp(&'static str),
    End,
    Abort(Raised),
}

impl Handle {
    /// Opens a session; waits while as many are open as the other side takes.
    pub(crate) fn open(core: &Arc<Core>, lane: Lane) -> Result<Self> {
        let mut state = core.lock();
        loop {
            Core::check(&state)?;
            if let Some(id) = state.table.open(lane) {
                core.stir(&state);
                drop(state);
                return Self::of(core, id, Side::Client)
                    .ok_or_else(|| Error::violation("a session is gone"));
            }
            if state.table.is_used_up() {
                drop(state);
                core.fail(Error::cancelled());
                return Err(Error::cancelled());
            }
            state = Core::wait(&core.changed, state);
        }
    }

    /// The session that the client opened.
    pub(crate) fn opened(core: &Arc<Core>, id: u32) -> Option<Self> {
        Self::of(core, id, Side::Server)
    }

    fn of(core: &Arc<Core>, id: u32, side: Side) -> Option<Self> {
        let signal = core.lock().table.signal(id)?;
        Some(Self {
            core: Arc::clone(core),
            id,
            signal,
            side,
            last: Last::GivenUp(match side {
                Side::Client => "the request was given up",
                Side::Server => "the other host gave no answer",
            }),
        })
    }

    /// Longest message that the other side takes.
    pub(crate) fn longest_message(&self) -> u32 {
        self.core.lock().table.longest_message()
    }

    /// Sends a whole message.
    pub(crate) fn send_message(&self, mut bytes: &[u8]) -> Result<()> {
        loop {
            let count = self.send(true, bytes)?;
            if count == bytes.len() {
                return Ok(());
            }
            bytes = &bytes[count..];
        }
    }

    /// Sends some of these bytes; waits until there is room for a fair piece.
    pub(crate) fn send_data(&self, bytes: &[u8]) -> Result<usize> {
        self.send(false, bytes)
    }

    fn send(&self, message: bool, bytes: &[u8]) -> Result<usize> {
        let mut state = self.core.lock();
        loop {
            if let Some(raised) = state.table.is_aborted(self.id) {
                return Err(Error::raised_there(raised.clone()));
            }
            Core::check(&state)?;
            match state.table.send(self.id, message, bytes) {
                Sent::Bytes(count) => {
                    Core::note_progress(&mut state, self.id);
                    self.core.stir(&state);
                    return Ok(count);
                }
                Sent::Wait => {
                    self.note_waiting(&mut state);
                    state = Core::wait(&self.signal, state);
                }
                Sent::Over => return Err(Error::cancelled()),
            }
        }
    }

    /// The next piece, if it is what is wanted. What came before the connection ended can still be taken.
    pub(crate) fn take(&self, want: Want) -> Result<Taken> {
        let mut state = self.core.lock();
        loop {
            match state.table.take(self.id, want) {
                Taken::NothingYet => {}
                Taken::Aborted(raised) => return Err(Error::raised_there(raised)),
                taken => {
                    Core::note_progress(&mut state, self.id);
                    self.core.stir(&state);
                    return Ok(taken);
                }
            }
            Core::check(&state)?;
            self.note_waiting(&mut state);
            state = Core::wait(&self.signal, state);
        }
    }

    /// The same without waiting.
    pub(crate) fn take_now(&self, want: Want) -> Result<Taken> {
        let mut state = self.core.lock();
        let taken = match state.table.take(self.id, want) {
            Taken::NothingYet => {
                Core::check(&state)?;
                self.note_waiting(&mut state);
                Taken::NothingYet
            }
            Taken::Aborted(raised) => return Err(Error::raised_there(raised)),
            taken => {
                Core::note_progress(&mut state, self.id);
                taken
            }
        };
        self.core.stir(&state);
        Ok(taken)
    }

    /// A server waits for its client as long as that lives.
    fn note_waiting(&self, state: &mut State) {
        if self.side == Side::Client {
            self.core.note_waiting(state, self.id);
        }
    }

    /// Whether nobody waits for this session any more.
    pub(crate) fn is_given_up(&self) -> bool {
        let state = self.core.lock();
        state.ended.is_some() || state.table.is_aborted(self.id).is_some()
    }

    /// This side sends nothing more. A server's end is told when it drops the handle: a client that knows of it may open the
    /// next session, for which there must be room.
    pub(crate) fn end(&mut self) {
        if self.side == Side::Server {
            self.last = Last::End;
            return;
        }
        let mut state = self.core.lock();
        state.table.end(self.id);
        self.core.stir(&state);
    }

    /// The same told at once, also by a server, from whatever thread: for sessions in which nobody waits for an answer.
    pub(crate) fn end_sending(&self) {
        let mut state = self.core.lock();
        state.table.end(self.id);
        self.core.stir(&state);
    }

    /// Gives the session up for whoever has it.
    pub(crate) fn aborter(&self) -> Aborter {
        Aborter {
            core: Arc::clone(&self.core),
            id: self.id,
        }
    }

    /// Ends the session with an error.
    pub(crate) fn abort(mut self, raised: Raised) {
        self.last = Last::Abort(raised);
    }
}

/// Gives a session up from another thread than the one that has it.
#[derive(Debug, Clone)]
pub struct Aborter {
    core: Arc<Core>,
    id: u32,
}

impl Aborter {
    /// Tells the other side that the session is given up. Whoever waits in it waits on until the other side has answered to
    /// that, and can send nothing more. A session that is over stays as it is.
    pub fn abort(&self) {
        let mut state = self.core.lock();
        let given_up = Raised::new(0, "the request was given up");
        state.table.abort(self.id, &given_up);
        self.core.stir(&state);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.core.lock();
        Core::note_progress(&mut state, self.id);
        let mut given_up = Raised::default();
        match &self.last {
            Last::GivenUp(why) => given_up.text = (*why).to_owned(),
            Last::End => state.table.end(self.id),
            Last::Abort(raised) => state.table.abort(self.id, raised),
        }
        state.table.release(self.id, &given_up);
        self.core.stir(&state);
        self.core.changed.notify_all();
    }
}
