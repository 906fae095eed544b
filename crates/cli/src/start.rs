//! One run from the words of the command line to the exit code: configuration, log, locks, command, end line.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use listenfd::ListenFd;
use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::hosts::links::Links;
use pgkeep_command::hosts::shared_limits::SharedLimits;
use pgkeep_command::hosts::storages::Storages;
use pgkeep_command::hosts::unanswered::Unanswered;
use pgkeep_command::run::cancel::Cancel;
use pgkeep_command::run::clock::Clock;
use pgkeep_command::run::hangup::Hangup;
use pgkeep_command::run::summary::{Ended, Summary};
use pgkeep_command::run::{Context, begin};
use pgkeep_command::server::{Origin, Recorder, Replay};
use pgkeep_command::{archive_get, backup, expire, hooks};
use pgkeep_config::command::{CommandId, Role};
use pgkeep_config::{Config, ConfigError, Input, Phase, Program, option};

use crate::ending::Ending;
use crate::files::HostFiles;
use crate::log::{self, Form, Level, LogSettings, Sink};
use crate::log_settings::{
    configure_early, configure_log, early_form, open_log_file, writes_log_file,
};
use crate::server::Server;
use crate::{complete, dispatch, last_line, process, progress, server, signal};

/// In `restore_command`, as `restore` writes it there.
const STRICT_GET: &str = "--archive-get-strict";

/// Runs the program and returns its exit code.
pub(crate) fn run(sockets: ListenFd) -> u8 {
    let sink = log::install();
    let args: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let argv0 = args.first().cloned().unwrap_or_else(|| "pgkeep".to_owned());
    let handed = match server::handed(&args) {
        Ok(handed) => handed,
        Err(error) => return report(&error),
    };
    // A process for one connection has the configuration that the server had, whatever the files are by now.
    let args = (handed.as_ref()).map_or(args, |handed| handed.hand_over.args.clone());
    let user = process::user();
    let files = HostFiles {
        home: user
            .home
            .as_ref()
            .map(|home| home.to_string_lossy().into_owned()),
        user: user.name.clone(),
    };
    let recorder = Recorder::new(&files);
    let replay = handed.as_ref().map(|handed| Replay {
        read: &handed.hand_over.files,
        files: &files,
    });
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect();
    let input = Input {
        program: process::program(&argv0),
        args,
        environment,
        files: match &replay {
            Some(replay) => replay,
            None => &recorder,
        },
        uid: user.uid,
        exec_id: process::exec_id(),
    };
    if early_form(&input) == Form::Json {
        sink.configure(LogSettings::early(Form::Json));
    }
    if let Some(error) = not_utf8() {
        report(&error);
        return match is_strict_get(&input) {
            true => archive_get::strict_status(&error),
            false => error.code.number(),
        };
    }
    let loaded = match pgkeep_config::load(&input) {
        Ok(loaded) => loaded,
        // The words alone tell that no error may pass for a missing file.
        Err(error) if is_strict_get(&input) => {
            refuse(&error, early_form(&input));
            return archive_get::strict_status(&begin::lower(&error));
        }
        Err(error) => return refuse(&error, early_form(&input)),
    };
    configure_early(sink, &loaded.config);
    if loaded.config.role() == Role::Main && handed.is_none() {
        for warning in &loaded.warnings {
            ::log::warn!("{warning}");
        }
    }
    #[cfg(feature = "faulty")]
    if let Err(error) = crate::fault::plan_from_environment(loaded.config.role()) {
        return report(&error);
    }
    let cancel = Cancel::default();
    let command = loaded.config.command().name();
    let (progress, output) = progress::for_terminal(sink, input.program, command, &cancel);
    let make_context = |config| Context {
        config: Arc::new(config),
        clock: Clock::system(process::time_zone()),
        cancel: cancel.clone(),
        progress,
        summary: Summary::default(),
        output,
        prompt: Arc::new(crate::terminal::Terminal),
        user: user.clone(),
        environment: process::environment(),
        program_path: process::program_path(&argv0),
        working_directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        locks: Arc::new(Mutex::new(Vec::new())),
        storages: Storages::default(),
        unanswered: Unanswered::default(),
        links: Links::default(),
        rate_limits: SharedLimits::default(),
    };
    if asks_for_candidates(&loaded.config) {
        return complete::run(&input, make_context);
    }
    let context = make_context(loaded.config);
    let is_server = matches!(
        context.config.command(),
        CommandId::Serve | CommandId::Server
    ) && context.config.role() == Role::Main
        && !context.config.is_help();
    let hangup = (is_server && handed.is_none()).then(Hangup::default);
    if let Err(error) = signal::listen(cancel, hangup.clone()) {
        return report(&Error::new(
            ErrorCode::Kernel,
            format!("unable to listen for signals: {error}"),
        ));
    }
    if context.config.is_help() || context.config.command() == CommandId::Help {
        // Help is about a command but does nothing of it: no log file, no locks, no begin line.
        return match pgkeep_command::help::run(&context) {
            Ok(()) => 0,
            Err(error) => report(&error),
        };
    }
    if let Some(handed) = handed {
        return match handed.serve(sink, &context) {
            Ok(()) => 0,
            Err(error) => report(&error),
        };
    }
    let server = hangup.map(|hangup| Server {
        sink,
        program: input.program,
        environment: input.environment.clone(),
        uid: input.uid,
        origin: Origin {
            args: input.args.clone(),
            files: recorder.into_read(),
        },
        files: files.clone(),
        hangup,
        sockets: Mutex::new(sockets),
        context: context.clone(),
    });
    run_command(sink, &context, server.as_ref())
}

fn asks_for_candidates(config: &Config) -> bool {
    config.command() == CommandId::Help && config.string(option::AS) == Some("candidates")
}

/// Replacing bytes silently would use another path than the one that was said; a configuration file is refused for it too.
fn not_utf8() -> Option<Error> {
    let refused = |what: &str, bytes: &OsStr| {
        let shown = bytes.as_encoded_bytes().escape_ascii();
        Error::new(
            ErrorCode::OptionInvalidValue,
            format!("{what} '{shown}' is not UTF-8"),
        )
        .with_hint("a name in another encoding can be reached through a symbolic link.")
    };
    let ours = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.starts_with(b"PGBACKREST_") || name.starts_with(b"PGKEEP_")
    };
    let argument = std::env::args_os().find(|word| word.to_str().is_none());
    argument.map(|word| refused("argument", &word)).or_else(|| {
        let mut variables = std::env::vars_os();
        // Not the value: it may be a secret.
        let (name, _) = variables.find(|(name, value)| {
            ours(name) && (name.to_str().is_none() || value.to_str().is_none())
        })?;
        Some(refused("environment variable", &name))
    })
}

/// Whether the words are those of an `archive-get` that must not end recovery by mistake.
fn is_strict_get(input: &Input<'_>) -> bool {
    let has = |wanted: &str| input.args.iter().any(|word| word == wanted);
    input.program == Program::PgKeep && has("archive-get") && has(STRICT_GET)
}

/// A configuration that cannot be used: where the message goes depends on how far we came.
fn refuse(error: &ConfigError, form: Form) -> u8 {
    let mut settings = LogSettings::early(form);
    log::install().configure(settings.clone());
    for warning in &error.warnings {
        ::log::warn!("{warning}");
    }
    // pgBackRest shows what is wrong with the words on stderr, before it knows any level.
    if error.phase == Phase::CommandLine {
        settings.console = Level::Off;
        settings.stderr = Level::Warn;
        log::install().configure(settings);
    }
    report(&begin::lower(error))
}

/// Logs the error that ends the run and returns its exit code.
fn report(error: &Error) -> u8 {
    pgkeep_command::log_error(error);
    error.code.number()
}

fn run_command(sink: &'static Sink, context: &Context, server: Option<&Server>) -> u8 {
    let config = &context.config;
    // Log files are the first that a run makes.
    if config.boolean(option::NEUTRAL_UMASK) {
        process::neutral_umask();
    }
    configure_log(sink, config);
    if let Err(error) = config.check_user() {
        let error = begin::lower(&error);
        report(&error);
        return archive_get::exit_status(config, &error);
    }
    let mut ending = Ending::new(sink, context);
    let mut ended_before = None;
    let begin_level = ending.level();
    ::log::log!(
        begin_level,
        "{}",
        begin::begin_line(config, config.command())
    );
    let result = prepare(context).and_then(|context| {
        let status = match server {
            Some(server) => server.run(&context).map(|()| 0)?,
            None => dispatch::run(&context)?,
        };
        // The manual page and the reference list them from there.
        debug_assert!(
            status == 0
                || config
                    .command()
                    .definition()
                    .exit
                    .iter()
                    .any(|exit| exit.status == status),
            "exit status {status} is not among those of the command's definition"
        );
        if config.role() == Role::Main && backup::expires_afterwards(&context) {
            // A run of its own in the log, under the locks that are held already.
            ended_before = Some(ending.followed_by(CommandId::Expire));
            if writes_log_file(config) {
                open_log_file(
                    sink,
                    &begin::following_log_file_path(config, CommandId::Expire),
                );
            }
            expire::run_after_backup(&context)?;
        }
        Ok(status)
    });
    // Locks go before the end line, so that who waits for the line can start the next command.
    context
        .locks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    // And with the connections those on other hosts.
    context.links.close();
    context.progress.close();
    // What a stop has broken off fails in many ways; it is the stop that ended the run.
    let result = result.map_err(|error| match context.cancel.check() {
        Err(stopped) if !context.summary.keeps_error() => {
            ::log::debug!(target: pgkeep_command::DETAIL, "{}", error.text());
            stopped
        }
        _ => begin::with_stanza_hints(config, error),
    });
    let (status, ended) = match &result {
        Ok(status) => (*status, Ended::Well),
        Err(error) if ending.was_stopped(error) => {
            (archive_get::exit_status(config, error), Ended::Stopped)
        }
        Err(error) => {
            pgkeep_command::log_error(error);
            (archive_get::exit_status(config, error), Ended::Failed)
        }
    };
    let last = ending.result(status, result.as_ref().err());
    // Before the end line, so that warnings about them are part of the command's log.
    for one in ended_before.iter().chain([&last]) {
        hooks::run(context, one);
    }
    ending.tell(&last);
    // Last, below the log: the log tells the story, this line its end.
    last_line::print(context, ended);
    status
}

/// What comes between the begin line and the command: priority, locks, and the checks of options against each
/// other, whose result is the configuration the command works with.
fn prepare(context: &Context) -> Result<Context, Error> {
    let config = &context.config;
    if let Some(priority) = config.integer(option::PRIORITY) {
        let priority = i32::try_from(priority).unwrap_or(0);
        process::set_priority(priority).map_err(|error| {
            Error::new(
                ErrorCode::Kernel,
                format!("unable to set process priority to '{priority}': {error}"),
            )
        })?;
    }
    if config.role() == Role::Remote {
        // Its client says which locks, and has the last word on options.
        return Ok(context.clone());
    }
    begin::take_locks(context)?;
    let checked = config.check().map_err(|error| begin::lower(&error))?;
    for warning in &checked.warnings {
        ::log::warn!("{warning}");
    }
    Ok(context.with_config(checked.config))
}
