//! The sink of every log record: console, stderr and file, each with its own level.
//!
//! A message that stderr takes is not printed on stdout as well. `detail` is a debug record with the target of that
//! name; the exit code of an error travels in the target too. Records of libraries are shown only at debug and trace.
#![allow(clippy::disallowed_methods)] // the log file is written directly (architecture: exceptions to std::fs)

mod file;
mod format;
mod json;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use pgkeep_command::error::without_numbers;
use pgkeep_command::jobs::process_number;
use serde_json::Value;

use file::LogFile;
pub(crate) use format::Level;
use format::{Entry, Header};
pub(crate) use json::Names;

/// Called around every line printed on the terminal, so that a progress bar can step aside.
pub(crate) type Around = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// How a message is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// As pgBackRest's lines.
    #[default]
    Text,
    /// One JSON object in a line.
    Json,
}

/// Levels and shape of the log of a run.
#[derive(Clone)]
pub(crate) struct LogSettings {
    pub(crate) console: Level,
    pub(crate) stderr: Level,
    pub(crate) file: Level,
    pub(crate) timestamp: bool,
    pub(crate) process_digits: usize,
    pub(crate) dry_run: bool,
    /// Of what is printed, on stdout and stderr.
    pub(crate) form: Form,
    pub(crate) file_form: Form,
    pub(crate) names: Names,
}

impl LogSettings {
    /// While options are read: warnings on stdout, as text without a time, before the configured levels are known.
    pub(crate) fn early(form: Form) -> Self {
        Self {
            console: Level::Warn,
            stderr: Level::Off,
            file: Level::Off,
            timestamp: form == Form::Json,
            process_digits: 2,
            dry_run: false,
            form,
            file_form: form,
            names: Names::default(),
        }
    }
}

struct Inner {
    settings: LogSettings,
    header: Header,
    file: Option<LogFile>,
    file_started: bool,
    /// That lines are lost was said already.
    file_lost: bool,
    around: Option<Around>,
}

/// The process's log.
pub(crate) struct Sink(Mutex<Inner>);

static SINK: std::sync::OnceLock<Sink> = std::sync::OnceLock::new();

/// Installs the sink with the levels in force while options are read.
pub(crate) fn install() -> &'static Sink {
    let sink = SINK.get_or_init(|| {
        let settings = LogSettings::early(Form::Text);
        let header = header_of(&settings);
        Sink(Mutex::new(Inner {
            settings,
            header,
            file: None,
            file_started: false,
            file_lost: false,
            around: None,
        }))
    });
    // A second call (only tests) finds the logger installed already.
    if log::set_logger(sink).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
    sink
}

fn header_of(settings: &LogSettings) -> Header {
    Header {
        timestamp: settings.timestamp,
        process_digits: settings.process_digits,
        zone: crate::process::time_zone(),
    }
}

impl Sink {
    /// Puts the configured levels in force.
    pub(crate) fn configure(&self, settings: LogSettings) {
        let mut inner = self.lock();
        let most = settings.console.max(settings.stderr).max(settings.file);
        inner.header = header_of(&settings);
        inner.settings = settings;
        log::set_max_level(match most {
            Level::Off => log::LevelFilter::Off,
            Level::Error => log::LevelFilter::Error,
            Level::Warn => log::LevelFilter::Warn,
            Level::Info => log::LevelFilter::Info,
            Level::Detail | Level::Debug => log::LevelFilter::Debug,
            Level::Trace => log::LevelFilter::Trace,
        });
    }

    /// Opens the log file for appending, in place of the one before; the caller warns when that fails.
    pub(crate) fn open_file(&self, path: &Path) -> std::io::Result<()> {
        self.lock().file = None;
        let file = LogFile::open(path)?;
        let mut inner = self.lock();
        inner.file = Some(file);
        inner.file_started = false;
        inner.file_lost = false;
        Ok(())
    }

    /// The run goes on with another command.
    pub(crate) fn set_command(&self, command: &str) {
        self.lock().settings.names.command = Some(command.to_owned());
    }

    /// The line with the result of a command, where lines are JSON.
    pub(crate) fn result(&self, level: Level, text: &str, result: &Value) {
        let mut inner = self.lock();
        let entry = Entry {
            level,
            process: process_number(),
            code: None,
            dry_run: inner.settings.dry_run,
            text,
        };
        inner.write(&entry, Some(result), Timestamp::now());
    }

    /// Goes on in the log file where another process of the same run is, without a line that a process starts.
    pub(crate) fn continue_file(&self) {
        self.lock().file_started = true;
    }

    /// Lets `around` enclose every line on the terminal.
    pub(crate) fn set_around(&self, around: Option<Around>) {
        self.lock().around = around;
    }

    /// Does something on the terminal with the progress line out of the way.
    pub(crate) fn aside(&self, act: &mut dyn FnMut()) {
        let around = self.lock().around.clone();
        match around {
            Some(around) => around(act),
            None => act(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl log::Log for Sink {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        ours(metadata.target()) || metadata.level() >= log::Level::Debug
    }

    fn log(&self, record: &log::Record<'_>) {
        let target = record.target();
        let own = ours(target);
        let level = match record.level() {
            log::Level::Debug if target == pgkeep_command::DETAIL => Level::Detail,
            // What a library calls an error is no error of ours: it is shown for debugging only.
            log::Level::Error if own => Level::Error,
            log::Level::Warn if own => Level::Warn,
            log::Level::Info if own => Level::Info,
            log::Level::Trace => Level::Trace,
            _ => Level::Debug,
        };
        let code = target
            .strip_prefix("error:")
            .and_then(|code| code.parse().ok());
        let text = format::message(level, record);
        let mut inner = self.lock();
        let entry = Entry {
            level,
            process: process_number(),
            code,
            dry_run: inner.settings.dry_run,
            text: &text,
        };
        inner.write(&entry, None, Timestamp::now());
    }

    fn flush(&self) {}
}

/// Whether the record is from this program: its crates, or one of the marked targets.
fn ours(target: &str) -> bool {
    target.starts_with("pgkeep") || target == pgkeep_command::DETAIL || target.starts_with("error:")
}

impl Inner {
    fn write(&mut self, entry: &Entry<'_>, result: Option<&Value>, now: Timestamp) {
        // Lines of text have no room for a result.
        let has_room = |form| result.is_none() || form == Form::Json;
        if has_room(self.settings.form) {
            self.print(entry, result, now);
        }
        if has_room(self.settings.file_form) {
            self.write_file(entry, result, now);
        }
    }

    fn json(&self, entry: &Entry<'_>, result: Option<&Value>, now: Timestamp) -> String {
        let zone = self.settings.timestamp.then_some(&self.header.zone);
        json::render(&self.settings.names, entry, result, zone, now)
    }

    fn print(&self, entry: &Entry<'_>, result: Option<&Value>, now: Timestamp) {
        let to_stderr = entry.level <= self.settings.stderr;
        let to_stdout = !to_stderr && entry.level <= self.settings.console;
        if !to_stderr && !to_stdout {
            return;
        }
        let line = match self.settings.form {
            Form::Json => self.json(entry, result, now),
            Form::Text if to_stderr => format::render_plain(entry),
            Form::Text => self.header.render(entry, now),
        };
        let mut print = || {
            let mut error = std::io::stderr();
            let mut out = std::io::stdout().lock();
            let printed = to_stdout
                && (out.write_all(line.as_bytes()))
                    .and_then(|()| out.flush())
                    .is_ok();
            // A closed pipe must not end a backup: the file still gets the line. But why a run fails is said where it can be.
            if to_stderr || !printed && entry.level == Level::Error {
                let _ = error.write_all(line.as_bytes());
            }
        };
        match self.around.clone() {
            Some(around) => around(&mut print),
            None => print(),
        }
    }

    fn write_file(&mut self, entry: &Entry<'_>, result: Option<&Value>, now: Timestamp) {
        if entry.level > self.settings.file || self.file.is_none() {
            return;
        }
        let line = match self.settings.file_form {
            Form::Json => self.json(entry, result, now),
            Form::Text => self.header.render(entry, now),
        };
        let Some(file) = &mut self.file else { return };
        let mut lines = String::new();
        if !self.file_started && self.settings.file_form == Form::Text {
            if file.has_content() {
                lines.push('\n');
            }
            lines.push_str("-------------------PROCESS START-------------------\n");
        }
        self.file_started = true;
        lines.push_str(&line);
        let (appended, path) = (file.append(&lines), file.path().display());
        let warning = match appended {
            Ok(()) => {
                self.file_lost = false;
                return;
            }
            Err(_) if self.file_lost => return,
            Err(error) => format!(
                "unable to write log file '{path}': {}\nNOTE: process will continue without these lines.",
                without_numbers(error.to_string())
            ),
        };
        self.file_lost = true;
        let entry = Entry {
            level: Level::Warn,
            process: process_number(),
            code: None,
            dry_run: entry.dry_run,
            text: &warning,
        };
        self.print(&entry, None, now);
    }
}
