//! From options to the log of a run: levels, shape, and the file.

use std::path::Path;

use pgkeep_command::run::begin;
use pgkeep_config::command::Role;
use pgkeep_config::{Config, Input, Program, Source, option};

use crate::log::{Form, Level, LogSettings, Names, Sink};

/// The form of messages by this configuration.
pub(crate) fn form(config: &Config) -> Form {
    let known = config.is_valid(option::LOG_FORMAT);
    match known.then(|| config.string(option::LOG_FORMAT)).flatten() {
        Some("json") => Form::Json,
        _ => Form::Text,
    }
}

/// The form of messages by the words and variables alone, while the configuration is not read or cannot be used.
pub(crate) fn early_form(input: &Input<'_>) -> Form {
    let option = format!("--{}=", option::LOG_FORMAT.name);
    let word = input
        .args
        .iter()
        .find_map(|word| word.strip_prefix(&option));
    let variable = || {
        let mut said = input.environment.iter();
        said.find(|(name, _)| name == "PGKEEP_LOG_FORMAT")
            .map(|(_, value)| value.as_str())
    };
    match word.or_else(variable) {
        Some("json") if input.program == Program::PgKeep => Form::Json,
        _ => Form::Text,
    }
}

/// The form of messages until the levels are in force: the warnings of the configuration.
pub(crate) fn configure_early(sink: &'static Sink, config: &Config) {
    sink.configure(LogSettings {
        names: names(config),
        ..LogSettings::early(form(config))
    });
}

fn names(config: &Config) -> Names {
    Names {
        command: Some(config.command_role_name()),
        stanza: config.stanza().map(str::to_owned),
    }
}

/// Puts the levels of this configuration in force, and opens its log file.
pub(crate) fn configure_log(sink: &'static Sink, config: &Config) {
    if !config.is_valid(option::LOG_LEVEL_CONSOLE) {
        return;
    }
    let level = |option, default| {
        config
            .string(option)
            .and_then(Level::from_option)
            .unwrap_or(default)
    };
    let console = match config.role() {
        // Standard output belongs to the protocol, whatever the options say.
        Role::Remote => Level::Off,
        _ => level(option::LOG_LEVEL_CONSOLE, Level::Warn),
    };
    let stderr = level(option::LOG_LEVEL_STDERR, Level::Off);
    let (console, stderr) = match config.command().definition().prints_data {
        true => (Level::Off, console.max(stderr)),
        false => (console, stderr),
    };
    let settings = LogSettings {
        console,
        stderr,
        file: level(option::LOG_LEVEL_FILE, Level::Info),
        timestamp: config.boolean(option::LOG_TIMESTAMP),
        process_digits: if config
            .integer(option::PROCESS_MAX)
            .is_some_and(|max| max > 99)
        {
            3
        } else {
            2
        },
        dry_run: config.boolean(option::DRY_RUN),
        // What a process for another host prints is read by its client.
        form: match config.role() {
            Role::Remote => Form::Text,
            _ => form(config),
        },
        file_form: form(config),
        names: names(config),
    };
    sink.configure(settings);
    if writes_log_file(config) {
        open_log_file(sink, &begin::log_file_path(config));
    }
}

/// Whether this run writes a log file: some commands do only when they are asked to.
pub(crate) fn writes_log_file(config: &Config) -> bool {
    if config.string(option::LOG_LEVEL_FILE) == Some("off") {
        return false;
    }
    let asked = matches!(
        config.source(option::LOG_LEVEL_FILE, 0),
        Source::CommandLine
    );
    asked || config.command().definition().log_file || config.role() == Role::Async
}

/// Opens it, or warns that there is none.
pub(crate) fn open_log_file(sink: &'static Sink, path: &Path) {
    if let Err(error) = sink.open_file(path) {
        ::log::warn!(
            "unable to open log file '{}': {error}\nNOTE: process will continue without log file.",
            path.display()
        );
    }
}
