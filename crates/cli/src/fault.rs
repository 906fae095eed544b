//! `PGKEEP_TEST_FAULT`, for the suite `faults`, and `PGKEEP_TEST_MESSAGE`, for the suite `hosts`: exist only with the cargo
//! feature `faulty`, never in a released program.
//!
//! The value of the first is `<fault>:<n>` (`kill:17`, `torn-kill:17`, `error:17`, …; n = 0 only counts). The number of operations
//! is told on stderr when the run ends by itself. With `async:` before it only the background process of asynchronous
//! archiving is meant, which inherits the environment.
//!
//! The second is the name of a file, for a process that serves another host: `kill:17` in it ends the first process that comes
//! to its 17th message with its client, `stop:17` stops it there. The process removes the file and writes another, `….struck`,
//! with its number and the message. One that ends by itself adds how many messages there were to `….counts`.
#![allow(clippy::print_stderr)] // what is counted is told to the suite, whatever the log says

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::hosts::fault;
use pgkeep_command::remote::serve::fault::watch;
use pgkeep_config::command::Role;
use rustix::process::{Signal, getpid, kill_process};

const VARIABLE: &str = "PGKEEP_TEST_FAULT";
const OF_MESSAGES: &str = "PGKEEP_TEST_MESSAGE";

/// Messages with a client so far.
static MESSAGES: AtomicU64 = AtomicU64::new(0);

/// Plans the faults the environment asks for.
pub(crate) fn plan_from_environment(role: Role) -> Result<(), Error> {
    if let Some(file) = std::env::var_os(OF_MESSAGES) {
        let file = file.to_string_lossy().into_owned();
        watch(Arc::new(move |message| see(&file, message)));
    }
    plan_operations(role)
}

/// A message is about to pass.
fn see(file: &str, message: &str) {
    let number = MESSAGES.fetch_add(1, Ordering::AcqRel) + 1;
    // Whoever removes the file is the one that is meant.
    let planned = std::fs::read_to_string(file).unwrap_or_default();
    let signal = match planned.trim().split_once(':') {
        Some(("kill", at)) if at == number.to_string() => Signal::KILL,
        Some(("stop", at)) if at == number.to_string() => Signal::STOP,
        _ => return,
    };
    if std::fs::remove_file(file).is_ok() {
        let told = format!("{} {message}\n", getpid().as_raw_nonzero());
        // Whole or not at all: the suite waits for it.
        let unfinished = format!("{file}.unfinished");
        let told = std::fs::write(&unfinished, told)
            .and_then(|()| std::fs::rename(&unfinished, format!("{file}.struck")));
        told.expect("the suite's directory can be written");
        let _ = kill_process(getpid(), signal);
    }
}

fn plan_operations(role: Role) -> Result<(), Error> {
    let Some(text) = std::env::var_os(VARIABLE) else {
        return Ok(());
    };
    // It does nothing for the run that started it.
    if role == Role::Local {
        return Ok(());
    }
    let text = text.to_string_lossy();
    let settings = match text.strip_prefix("async:") {
        Some(_) if role != Role::Async => return Ok(()),
        Some(plan) => plan.parse(),
        None => text.parse(),
    };
    fault::plan(settings.map_err(|reason| {
        Error::new(
            ErrorCode::OptionInvalidValue,
            format!("{VARIABLE}: {reason}"),
        )
    })?);
    Ok(())
}

/// Says how many operations and messages there were, if a fault was planned, and which operation it hit.
pub(crate) fn tell_operations() {
    let messages = MESSAGES.load(Ordering::Acquire);
    if let Some(file) = std::env::var_os(OF_MESSAGES)
        && messages > 0
    {
        let counts = format!("{}.counts", file.to_string_lossy());
        let counts = (std::fs::File::options().create(true).append(true)).open(counts);
        let told = counts.and_then(|mut counts| writeln!(counts, "{messages}"));
        told.expect("the suite's directory can be written");
    }
    if let Some(operations) = fault::operations() {
        eprintln!("operations: {operations}");
    }
    if let Some(struck) = fault::struck() {
        eprintln!("struck: {struck}");
    }
}
