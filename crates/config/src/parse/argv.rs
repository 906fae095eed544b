//! Reads the words of the command line.
//!
//! What an option means for the command is not looked at here, except that the command is known at the end. Invariant: every error of
//! this file belongs to [`Phase::CommandLine`].

use super::name::{self, Found, Lookup};
use super::{Said, SaidValue};
use crate::advice::spelling;
use crate::define::command::{CommandId, Role, commands};
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

/// Reads the command line; `args[0]` is the program.
///
/// # Errors
/// 30, 31, 32, 48, 96, with the messages of pgBackRest.
pub(crate) fn parse(args: &[String], program: Program) -> Result<CommandLine> {
    parse_words(args, program).map_err(|error| error.at(Phase::CommandLine))
}

fn parse_words(args: &[String], program: Program) -> Result<CommandLine> {
    let line = Line { args, program };
    let mut said = Said::default();
    let mut command = None;
    let mut typed = "";
    let mut help = false;
    let mut parameters = Vec::new();
    let mut words = args.iter().skip(1);

    while let Some(word) = words.next() {
        if asks_for_help(word, program) {
            help = true;
        } else if word.starts_with('-') {
            let Some(option) = word.strip_prefix("--") else {
                return Err(ConfigError::option_invalid(format!(
                    "option '{word}' must begin with --"
                ))
                .advise(program, line.one_dash(word)));
            };
            line.parse_option(option, &mut words, &mut said)?;
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
                found => {
                    typed = word;
                    command = Some(found);
                }
            }
        }
    }

    if command.is_none() && !help && !only_help_options(&said, program) {
        return Err(
            ConfigError::new(COMMAND_REQUIRED, "no command found").advise(
                program,
                [format!("see all commands with: {} help", program.binary())],
            ),
        );
    }
    // `help` alone is a command, before another one it asks about that one.
    let about = help && command.is_some();
    let (command, role) = command.unwrap_or((CommandId::Help, Role::Main));
    if !parameters.is_empty() && !about && command.definition().parameters.1 == 0 {
        let hint = spelling::parameter(&parameters[0], typed, program);
        return Err(
            ConfigError::new(PARAM_INVALID, "command does not allow parameters")
                .advise(program, [hint]),
        );
    }
    Ok(CommandLine {
        command,
        role,
        help: about,
        parameters,
        said,
    })
}

/// `--help` and `-h` with a command are the same as `help` before it, but for pgBackRest, which has `--help` alone only.
fn asks_for_help(word: &str, program: Program) -> bool {
    program == Program::PgKeep && matches!(word, "--help" | "-h")
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
        return Err(
            ConfigError::new(COMMAND_INVALID, format!("invalid command '{word}'"))
                .advise(program, [spelling::command(prefix, program)]),
        );
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
    // The first `help` is not looked at further by pgBackRest.
    if command.id != CommandId::Help && !command.roles.has(role) {
        return Err(ConfigError::new(
            COMMAND_INVALID,
            format!("invalid command/role combination '{word}'"),
        ));
    }
    Ok((command.id, role))
}

/// All words, for what is said about one of them.
struct Line<'a> {
    args: &'a [String],
    program: Program,
}

impl Line<'_> {
    /// The command that the line seems to be about, wherever it stands.
    fn command(&self) -> Option<CommandId> {
        self.args
            .iter()
            .skip(1)
            .filter(|word| !word.starts_with('-'))
            .find_map(|word| CommandId::from_name(word))
            .filter(|command| *command != CommandId::Help)
    }

    /// For an option that begins with one dash only.
    fn one_dash(&self, word: &str) -> Vec<String> {
        let name = word.trim_start_matches('-');
        let name = name.split('=').next().unwrap_or_default();
        let known = name::find(name, Lookup::exact(self.program));
        if name.len() > 1 && matches!(known, Ok(Some(_))) {
            return vec![format!("did you mean '-{word}'?")];
        }
        if word == "-V" {
            return vec!["did you mean '--version'?".to_owned()];
        }
        Vec::new()
    }

    /// Reads one option (without dashes); its value may be the next word.
    fn parse_option<'a>(
        &self,
        word: &'a str,
        words: &mut impl Iterator<Item = &'a String>,
        said: &mut Said,
    ) -> Result<()> {
        let program = self.program;
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
            return Err(
                ConfigError::option_invalid(format!("invalid option '--{word}'"))
                    .advise(program, spelling::option(name, self.command(), program)),
            );
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
                Some(other) => {
                    return Err(ConfigError::option_value(format!(
                        "boolean option '--{name}' argument must be 'y' or 'n'"
                    ))
                    .advise(program, spelling::boolean(other)));
                }
            }
        } else if argument.is_none() {
            argument = if option.bool_like {
                Some("y".to_owned())
            } else {
                // The next word is taken, whatever it is.
                Some(words.next().cloned().ok_or_else(|| {
                    ConfigError::option_invalid(format!("option '--{name}' requires an argument"))
                        .advise(
                            program,
                            [spelling::argument(option, found.key, self.command())],
                        )
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
            .hint(
                "specify the option in a configuration file or an environment variable instead.",
            ));
        }
        remember(found, argument, said)
    }
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
