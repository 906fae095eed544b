//! `PGKEEP_TEST_FAULT`, for the suite `faults`: exists only with the cargo feature `faulty`, never in a released program.
//!
//! The value is `<fault>:<n>` (`kill:17`, `torn-kill:17`, `error:17`, …; n = 0 only counts). The number of operations
//! is told on stderr when the run ends by itself. With `async:` before it only the background process of asynchronous
//! archiving is meant, which inherits the environment.
#![allow(clippy::print_stderr)] // what is counted is told to the suite, whatever the log says

use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::hosts::fault;
use pgkeep_config::command::Role;

const VARIABLE: &str = "PGKEEP_TEST_FAULT";

/// Plans the fault the environment asks for.
pub(crate) fn plan_from_environment(role: Role) -> Result<(), Error> {
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

/// Says how many operations there were, if a fault was planned, and which one it hit.
pub(crate) fn tell_operations() {
    if let Some(operations) = fault::operations() {
        eprintln!("operations: {operations}");
    }
    if let Some(struck) = fault::struck() {
        eprintln!("struck: {struck}");
    }
}
