//! The SSH client program while it runs: what it prints on stderr, how it ends, and that it ends.
#![allow(clippy::disallowed_methods)] // asks for the terminal of this process, which is no storage

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::error::{Error, ErrorCode};
use crate::remote::dial::Carrier;

/// Bytes of stderr that are kept.
const MOST: usize = 16 * 1024;

/// How long a program that has lost its connection takes to end by itself and to say why.
const MOMENT: Duration = Duration::from_secs(2);

/// How long it may take to end when its connection is given up.
const GIVEN_UP: Duration = Duration::from_secs(1);

/// How long what was printed is waited for once the program has ended. Another process may have its stderr open, as the one
/// that keeps a connection for others does (`ControlPersist`).
const PRINTED: Duration = Duration::from_millis(300);

/// What to do about an exit status, for users of pgkeep: pgBackRest has no such lines.
#[derive(Debug, Clone)]
pub(super) struct Advice {
    pub(super) status: i32,
    pub(super) hint: String,
}

/// A running SSH client program. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct SshChild(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pid: Option<Pid>,
    /// It leads a process group, which ends with it.
    alone: bool,
    process: String,
    advice: Vec<Advice>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None`: it runs, and its number is its own.
    status: Option<ExitStatus>,
    /// This side has ended it, so how it ended says nothing.
    terminated: bool,
    printed: Vec<u8>,
    /// Nothing more will be printed.
    silent: bool,
}

/// Whether a program that is started may ask the user something.
pub(super) fn is_at_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

impl SshChild {
    /// Takes care of a program that was started, in threads that end with it.
    pub(super) fn watch(
        child: Child,
        stderr: ChildStderr,
        alone: bool,
        process: String,
        advice: Vec<Advice>,
    ) -> Self {
        let inner = Arc::new(Inner {
            pid: i32::try_from(child.id()).ok().and_then(Pid::from_raw),
            alone,
            process,
            advice,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let waits = Arc::clone(&inner);
        std::thread::spawn(move || waits.wait(child));
        let reads = Arc::clone(&inner);
        std::thread::spawn(move || reads.read(stderr));
        Self(inner)
    }

    /// Its connection is given up. It ends by itself mostly, and says why: only one that does not is ended.
    pub(super) fn give_up(&self) {
        let ended = self.0.until(GIVEN_UP, |state| state.status.is_some());
        if ended.status.is_none() {
            drop(ended);
            self.terminate();
        }
    }

    /// Asks it to end, if it runs.
    pub(super) fn terminate(&self) {
        let mut state = self.0.lock();
        state.terminated |= state.status.is_none();
        self.0.signal(&state, Signal::TERM);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_done` or this time has passed.
    fn until(&self, longest: Duration, is_done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), longest, |state| !is_done(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Sends a signal. With the lock held it cannot reach another process: the number is given back in [`Inner::wait`] only.
    fn signal(&self, state: &State, signal: Signal) {
        let (None, Some(pid)) = (state.status, self.pid) else {
            return;
        };
        // It may have ended a moment ago.
        let _ = match self.alone {
            true => kill_process_group(pid, signal),
            false => kill_process(pid, signal),
        };
    }

    fn wait(&self, mut child: Child) {
        if let Some(pid) = self.pid {
            // Without taking it: its number stays its own until the lock is held.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(
                waitid(WaitId::Pid(pid), options),
                Err(rustix::io::Errno::INTR)
            ) {}
        }
        let mut state = self.lock();
        if self.alone && state.terminated {
            // Whatever a wrapper has left.
            self.signal(&state, Signal::TERM);
        }
        state.status = child.wait().ok().or(Some(ExitStatus::from_raw(0)));
        drop(state);
        self.changed.notify_all();
    }

    fn read(&self, mut stderr: ChildStderr) {
        let mut buffer = [0; 1024];
        loop {
            let got = match stderr.read(&mut buffer) {
                Ok(0) => break,
                Ok(got) => got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let mut state = self.lock();
            // What comes first is the cause.
            let room = MOST.saturating_sub(state.printed.len());
            state.printed.extend(&buffer[..got.min(room)]);
        }
        self.lock().silent = true;
        self.changed.notify_all();
    }
}

impl Carrier for SshChild {
    fn fate(&self, seen: &pgkeep_protocol::Error) -> Option<Error> {
        let inner = &self.0;
        let status = {
            let state = inner.until(MOMENT, |state| state.status.is_some());
            match state.terminated {
                true => None,
                false => state.status,
            }
        }?;
        let state = inner.until(PRINTED, |state| state.silent);
        let printed = printed(&state.printed);
        drop(state);
        let said = match printed.is_empty() {
            // Nothing is wrong from its point of view: what was seen here says more.
            true if status.success() => return None,
            true => seen.to_string(),
            false => printed,
        };
        let process = &inner.process;
        let mut error = match status.code() {
            Some(number) => Error::new(
                code(number),
                format!("{process} terminated unexpectedly [{number}]: {said}"),
            ),
            None => Error::new(
                ErrorCode::Execute,
                format!(
                    "{process} terminated unexpectedly on signal {}: {said}",
                    status.signal().unwrap_or(0)
                ),
            ),
        };
        let advice = inner.advice.iter();
        let hints = advice.filter(|advice| Some(advice.status) == status.code());
        error.hints.extend(hints.map(|advice| advice.hint.clone()));
        Some(error)
    }

    fn kill(&self) {
        self.terminate();
    }

    fn end(&self) {
        let gone = |state: &State| state.status.is_some();
        if gone(&self.0.until(MOMENT, gone)) {
            return;
        }
        self.terminate();
        if gone(&self.0.until(MOMENT, gone)) {
            return;
        }
        let state = self.0.lock();
        self.0.signal(&state, Signal::KILL);
        drop(state);
        drop(self.0.until(MOMENT, gone));
    }
}

/// The class of an exit status: that of the program over there if it is one of its own, else nothing is known of it.
fn code(status: i32) -> ErrorCode {
    match u8::try_from(status) {
        // It has ended well and said no goodbye.
        Ok(0) => ErrorCode::Protocol,
        Ok(number) => ErrorCode::from_number(number).unwrap_or(ErrorCode::Unknown),
        Err(_) => ErrorCode::Unknown,
    }
}

/// What was printed, fit for a message: no control characters but line ends.
fn printed(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = |character: char| match character {
        '\n' => '\n',
        '\t' => ' ',
        other if other.is_control() => '?',
        other => other,
    };
    let text = text.replace("\r\n", "\n");
    text.trim().chars().map(shown).collect()
}
