//! Reads the words of the command line (spec 10.1, 10.2).
//!
//! What an option means for the command is not looked at here, except that the command is known at the end. Invariant: every error of
//! this file belongs to [`Phase::CommandLine`].

use super::name::{self, Found, Lookup};
use super::{Said, SaidValue};
use crate::define::command::{COMMANDS, CommandDef, CommandId, Role};
use crate::define::option::Kind;
use crate::error::{COMMAND_INVALID, COMMAND_REQUIRED, ConfigError, PARAM_INVALID, Phase, Result};
use crate::input::Program;
use crate::value::Source;

/// The command line, understood.
pub(crate) struct CommandLine {
    pub(crate) command: CommandId,
    pub(crate) role: Role,
    /// `help` was said before the command.
    pub(crate) help: bool,
    /// Words after the command.
    pub(crate) parameters: Vec<String>,
    pub(crate) said: Said,
}

/// Commands known to `program`, sorted by name.
pub(crate) fn commands(program: Program) -> impl Iterator<Item = &'static CommandDef> + Clone {
    COMMANDS
        .iter()
        .filter(move |command| program == Program::PgKeep || !command.ours)
}

/// Reads the command line; `args[0]` is the program.
///
/// # Errors
/// 30, 31, 32, 48, 96 as in spec 10.2.
pub(crate) fn parse(args: &[String], program: Program) -> Result<CommandLine> {
    parse_words(args, program).map_err(|error| error.at(Phase::CommandLine))
}

fn parse_words(args: &[String], program: Program) -> Result<CommandLine> {
    let mut said = Said::default();
    let mut command = None;
    let mut help = false;
    let mut parameters = Vec::new();
    let mut words = args.iter().skip(1);

    while let Some(word) = words.next() {
        if word.starts_with('-') {
            let Some(option) = word.strip_prefix("--") else {
                return Err(ConfigError::option_invalid(format!(
                    "option '{word}' must begin with --"
                )));
            };
            parse_option(option, &mut words, program, &mut said)?;
        } else if command.is_some() {
            parameters.push(word.clone());
        } else {
            match find_command(word, program)? {
                (CommandId::Help, _) if !help => help = true,
                (_, role) if help && role != Role::Main => {
                    return Err(ConfigError::new(
                        COMMAND_INVALID,
                        format!("help is not available for the '{}' role", role.name()),
                    ));
                }
                found => command = Some(found),
            }
        }
    }

    if command.is_none() && !help && !only_help_options(&said, program) {
        return Err(ConfigError::new(COMMAND_REQUIRED, "no command found"));
    }
    // `help` alone is a command, before another one it asks about that one.
    let about = help && command.is_some();
    let (command, role) = command.unwrap_or((CommandId::Help, Role::Main));
    if !parameters.is_empty() && !about && command.definition().parameters.1 == 0 {
        return Err(ConfigError::new(
            PARAM_INVALID,
            "command does not allow parameters",
        ));
    }
    Ok(CommandLine {
        command,
        role,
        help: about,
        parameters,
        said,
    })
}

/// Whether nothing but `--help` and `--version` was given.
fn only_help_options(said: &Said, program: Program) -> bool {
    name::options(program).all(|option| {
        said.keys(option).next().is_none() || option.is_valid(CommandId::Help, Role::Main)
    })
}

/// The command and role of a word like `backup` or `arch:async`; any prefix is enough, the first in alphabetical order wins.
fn find_command(word: &str, program: Program) -> Result<(CommandId, Role)> {
    let (prefix, role) = match word.split_once(':') {
        Some((prefix, role)) => (prefix, Some(role)),
        None => (word, None),
    };
    let Some(command) = commands(program).find(|command| command.name.starts_with(prefix)) else {
        return Err(ConfigError::new(
            COMMAND_INVALID,
            format!("invalid command '{word}'"),
        ));
    };
    let role = match role {
        None => Role::Main,
        Some(name) => Role::ALL
            .into_iter()
            .find(|role| *role != Role::Main && role.name() == name)
            .ok_or_else(|| {
                ConfigError::new(COMMAND_INVALID, format!("invalid command role '{name}'"))
            })?,
    };
    // The first `help` is not looked at further by the original.
    if command.id != CommandId::Help && !command.roles.has(role) {
        return Err(ConfigError::new(
            COMMAND_INVALID,
            format!("invalid command/role combination '{word}'"),
        ));
    }
    Ok((command.id, role))
}

/// Reads one option (without dashes); its value may be the next word.
fn parse_option<'a>(
    word: &'a str,
    words: &mut impl Iterator<Item = &'a String>,
    program: Program,
    said: &mut Said,
) -> Result<()> {
    let (name, mut argument) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let lookup = Lookup {
        program,
        abbreviated: true,
        index_optional: false,
    };
    let Some(mut found) = name::find(name, lookup)? else {
        return Err(ConfigError::option_invalid(format!(
            "invalid option '--{word}'"
        )));
    };
    let option = found.option;

    if found.negate || found.reset {
        if argument.is_some() {
            return Err(ConfigError::option_invalid(format!(
                "option '{name}' does not allow an argument"
            )));
        }
    } else if option.kind == Kind::Boolean {
        match argument.take().as_deref() {
            None | Some("y") => {}
            Some("n") => found.negate = true,
            Some(_) => {
                return Err(ConfigError::option_value(format!(
                    "boolean option '--{name}' argument must be 'y' or 'n'"
                )));
            }
        }
    } else if argument.is_none() {
        argument = if option.bool_like {
            Some("y".to_owned())
        } else {
            // The next word is taken, whatever it is.
            Some(words.next().cloned().ok_or_else(|| {
                ConfigError::option_invalid(format!("option '--{name}' requires an argument"))
            })?)
        };
    }
    if found.negate && option.bool_like {
        found.negate = false;
        argument = Some("n".to_owned());
    }
    if option.secure {
        return Err(ConfigError::option_invalid(format!(
            "option '{}' is not allowed on the command-line",
            name::indexed(option, found.key)
        ))
        .hint("this option could expose secrets in the process list.")
        .hint("specify the option in a configuration file or an environment variable instead."));
    }
    remember(found, argument, said)
}

/// Adds an option to what was said; repetition is only for lists and maps.
fn remember(found: Found, argument: Option<String>, said: &mut Said) -> Result<()> {
    let Some(before) = said.get_mut(found.option, found.key) else {
        said.insert(
            found.option,
            found.key,
            SaidValue {
                negate: found.negate,
                reset: found.reset,
                values: argument.into_iter().collect(),
                source: Source::CommandLine,
            },
        );
        return Ok(());
    };
    let fault = if before.negate && found.negate {
        "is negated multiple times"
    } else if before.reset && found.reset {
        "is reset multiple times"
    } else if (before.reset && found.negate) || (before.negate && found.reset) {
        "cannot be negated and reset"
    } else if before.negate != found.negate {
        "cannot be set and negated"
    } else if before.reset != found.reset {
        "cannot be set and reset"
    } else if let (Some(argument), true) = (argument, found.option.multiple) {
        before.values.push(argument);
        return Ok(());
    } else {
        "cannot be set multiple times"
    };
    Err(ConfigError::option_invalid(format!(
        "option '{}' {fault}",
        name::indexed(found.option, found.key)
    )))
}
