//! The keeper: signs of life, the end of a silent connection, and closing what carries the bytes once it has ended.

use std::sync::Arc;

use super::core::{Core, Ending};
use super::vigil::{Step, Vigil};
use crate::error::{Error, ErrorKind};
use crate::streams::Closing;
use crate::timer::Alarm;

/// Runs until the connection has ended. `written` rings when the writer is done.
pub(super) fn run(core: &Core, written: &Arc<Alarm>) {
    let ending = guard(core);
    let how = match ending {
        Ending::Orderly => Closing::Orderly,
        Ending::Failed(_) => {
            // What says why the connection ends should get through; a peer that takes nothing does not hold this up.
            let until = core.timer.now() + core.pace.linger;
            core.timer.wait(until, written);
            Closing::Broken
        }
    };
    core.close(how);
}

fn guard(core: &Core) -> Ending {
    let mut vigil = Vigil::new(core.pace, core.timer.now());
    let mut before = core.timer.now();
    loop {
        let now = core.timer.now();
        // Called much too late: this process was stopped, and what came meanwhile has not been read yet.
        if now > before + core.pace.dead_after {
            core.forgive_waiting(now);
        }
        before = now;
        let (greeted, write_failed) = {
            let state = core.lock();
            if let Some(ending) = &state.ended {
                return ending.clone();
            }
            (state.hello.is_some(), state.write_failed.clone())
        };
        if let Some(error) = write_failed {
            // The reader may find what the other side said before it went.
            let until = now + core.pace.linger;
            while core.lock().ended.is_none() && core.timer.now() < until {
                core.timer.wait(until, &core.alarm);
            }
            core.fail(error);
            continue;
        }
        // Asked every few seconds, since something is said that often.
        let waited = core.longest_wait(now);
        if core
            .pace
            .answer_within
            .is_some_and(|within| waited >= within)
        {
            let silence = now.saturating_sub(core.last().0);
            // One sign of life is missing at least.
            let gone = silence > core.pace.alive_every * 3 / 2;
            core.fail(match gone {
                true => silent(core, silence.as_secs(), greeted),
                false => stuck(waited.as_secs()),
            });
            continue;
        }
        match vigil.step(now, core.last(), greeted) {
            Step::Wait(until) => core.timer.wait(until, &core.alarm),
            Step::SayAlive => {
                let mut state = core.lock();
                state.table.say_alive();
                core.stir(&state);
                drop(state);
                // Where the writer is stuck nothing is said, and asking again at once would not help.
                core.note_said();
            }
            Step::Dead(silence) => core.fail(silent(core, silence.as_secs(), greeted)),
        }
    }
}

fn stuck(seconds: u64) -> Error {
    Error::new(
        ErrorKind::Silent,
        format!("the other host lives, but has not answered for {seconds} seconds"),
    )
}

fn silent(core: &Core, seconds: u64, greeted: bool) -> Error {
    if greeted {
        Error::new(
            ErrorKind::Silent,
            format!("nothing was heard of the other host for {seconds} seconds"),
        )
    } else {
        let printed = core.lock().printed.clone();
        Error::new(
            ErrorKind::Silent,
            format!("no greeting came from the other host within {seconds} seconds{printed}"),
        )
    }
}
