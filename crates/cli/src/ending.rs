//! The end of each command of a run: its last lines in the log, for people and for programs.

use std::time::Instant;

use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::run::Context;
use pgkeep_command::run::run_result::RunResult;
use pgkeep_command::run::summary::Ended;
use pgkeep_config::command::{BeginLevel, CommandId};
use pgkeep_config::option;
use serde_json::Value;

use crate::log::{Level, Sink};

/// The command that runs now.
pub(crate) struct Ending<'a> {
    sink: &'static Sink,
    context: &'a Context,
    name: String,
    started: Instant,
    /// Milliseconds since 1970.
    start: i64,
}

impl<'a> Ending<'a> {
    pub(crate) fn new(sink: &'static Sink, context: &'a Context) -> Self {
        Self {
            sink,
            context,
            name: context.config.command_role_name(),
            started: Instant::now(),
            start: context.clock.milliseconds(),
        }
    }

    /// The level of the begin line and of those at the end.
    pub(crate) fn level(&self) -> ::log::Level {
        match self.context.config.command().definition().log_level_default {
            BeginLevel::Info => ::log::Level::Info,
            BeginLevel::Debug => ::log::Level::Debug,
        }
    }

    /// The command has ended well, and this one follows in the same run.
    pub(crate) fn followed_by(&mut self, next: CommandId) -> RunResult {
        let result = self.result(0, None);
        self.tell(&result);
        self.started = Instant::now();
        self.start = self.context.clock.milliseconds();
        self.name = next.name().to_owned();
        self.sink.set_command(&self.name);
        result
    }

    /// What the command came to.
    pub(crate) fn result(&self, status: u8, error: Option<&Error>) -> RunResult {
        let (facts, done) = self.context.summary.take();
        // In place of what was done: what is left, and how to go on.
        let done = match error {
            None => done,
            Some(error) if self.was_stopped(error) => self.left(Ended::Stopped),
            Some(_) => self.left(Ended::Failed),
        };
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        RunResult {
            command: self.name.clone(),
            stanza: self.context.config.stanza().map(str::to_owned),
            status,
            error: error.cloned(),
            start: self.start,
            stop: self.start.saturating_add(elapsed),
            done,
            facts,
        }
    }

    /// Whether a signal ended the command. What was stopped at another host is an error here.
    pub(crate) fn was_stopped(&self, error: &Error) -> bool {
        error.code == ErrorCode::Term && self.context.cancel.signal().is_some()
    }

    fn left(&self, ended: Ended) -> Option<String> {
        self.context.summary.line(&self.name, ended)
    }

    /// The last lines: pgBackRest's, and where lines are JSON one with the result.
    pub(crate) fn tell(&self, result: &RunResult) {
        let name = &self.name;
        let (level, end) = match &result.error {
            None => (self.level(), "completed successfully".to_owned()),
            Some(error) if self.was_stopped(error) => (::log::Level::Info, error.message.clone()),
            Some(error) => {
                let code = error.code.number();
                (self.level(), format!("aborted with exception [{code:03}]"))
            }
        };
        let timed = result.error.is_none() && self.context.config.boolean(option::LOG_TIMESTAMP);
        let time = match timed {
            true => format!(" ({}ms)", result.stop - result.start),
            false => String::new(),
        };
        let line = format!("{name} command end: {end}{time}");
        ::log::log!(level, "{line}");
        let level = match level {
            ::log::Level::Info => Level::Info,
            _ => Level::Debug,
        };
        let text = result.done.as_ref().unwrap_or(&line);
        (self.sink).result(level, text, &Value::Object(result.fields()));
    }
}
