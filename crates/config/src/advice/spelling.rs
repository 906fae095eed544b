//! Words of the command line, the environment and files that mean nothing, or not here: what was probably meant.

use super::similar::closest;
use crate::define::command::{CommandId, Role, commands};
use crate::define::option::{Kind, OptionDef};
use crate::input::Program;
use crate::parse::name::{self, indexed};
use crate::render::shell_word;

/// Most names that one hint lists.
const LISTED: usize = 9;

/// For a command that does not exist.
pub(crate) fn command(said: &str, program: Program) -> String {
    let listed = commands(program).filter(|command| !command.internal);
    match closest(said, listed.map(|command| command.name)) {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("see all commands with: {} help", program.binary()),
    }
}

/// For a word after a command that takes none; `command`: as it was typed.
pub(crate) fn parameter(said: &str, command: &str, program: Program) -> String {
    let is_command = |name: &str| commands(program).any(|known| known.name == name);
    // `pgkeep stanza create`
    let joined = format!("{command}-{said}");
    if is_command(&joined) {
        return format!("did you mean '{joined}'?");
    }
    if is_command(said) {
        return format!("'{said}' follows '{command}', but only one command can be given.");
    }
    format!(
        "'{said}' follows '{command}': options begin with two dashes, for example --stanza={}",
        shell_word(said)
    )
}

/// For an option of the command line (without dashes and value) that does not exist; `command`: the one it was meant for.
pub(crate) fn option(said: &str, command: Option<CommandId>, program: Program) -> Vec<String> {
    let (prefix, base, key) = name::pieces(said);
    let meant = |option: &OptionDef| format!("--{prefix}{}", indexed(option, key));
    let usable = |option: &&'static OptionDef| !option.internal;
    let of_command = |option: &&'static OptionDef| {
        command.is_none_or(|command| option.is_known(program, command, Role::Main))
    };
    let beginning: Vec<&OptionDef> = name::options(program)
        .filter(usable)
        .filter(of_command)
        .filter(|option| !base.is_empty() && option.name.starts_with(&base))
        .collect();
    if beginning.len() > 1 {
        let mut names: Vec<String> = beginning
            .iter()
            .take(LISTED)
            .map(|option| meant(option))
            .collect();
        if beginning.len() > LISTED {
            names.push("…".to_owned());
        }
        return vec![format!(
            "'--{said}' is the beginning of several options: {}",
            names.join(", ")
        )];
    }
    let similar = |candidates: &mut dyn Iterator<Item = &'static OptionDef>| {
        let name = closest(&base, candidates.map(|option| option.name))?;
        name::by_name(name)
    };
    let found = similar(&mut name::options(program).filter(usable).filter(of_command))
        .or_else(|| similar(&mut name::options(program).filter(usable)));
    let mut hints = Vec::new();
    if let Some(option) = found {
        hints.push(format!("did you mean '{}'?", meant(option)));
    }
    hints.push(match command {
        Some(command) => format!(
            "see the options of the command with: {} help {}",
            program.binary(),
            command.name()
        ),
        None => format!("see all commands with: {} help", program.binary()),
    });
    hints
}

/// For a name in a file or in the environment that is no option: the one that was probably meant, as it is written there.
pub(crate) fn key(said: &str, program: Program) -> Option<String> {
    let (_, base, key) = name::pieces(said);
    let known = name::options(program).filter(|option| !option.internal);
    let option = name::by_name(closest(&base, known.map(|option| option.name))?)?;
    Some(format!("did you mean '{}'?", indexed(option, key)))
}

/// For an option that the command does not have.
pub(crate) fn not_of_command(option: &OptionDef, command: CommandId, program: Program) -> String {
    let names: Vec<&str> = commands(program)
        .filter(|known| option.is_known(program, known.id, Role::Main))
        .map(|known| known.name)
        .collect();
    if names.is_empty() || names.len() > LISTED {
        return format!(
            "see the options of the command with: {} help {}",
            program.binary(),
            command.name()
        );
    }
    format!("it is an option of: {}", names.join(", "))
}

/// The allowed value that was probably meant.
pub(crate) fn value(said: &str, allowed: &[&str]) -> Option<String> {
    closest(said, allowed.iter().copied()).map(|value| format!("did you mean '{value}'?"))
}

/// The boolean that was probably meant.
pub(crate) fn boolean(said: &str) -> Option<String> {
    let value = match said.to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" | "t" | "on" | "1" => 'y',
        "n" | "no" | "false" | "f" | "off" | "0" => 'n',
        _ => return None,
    };
    Some(format!("did you mean '{value}'?"))
}

/// How the value of an option is given.
pub(crate) fn argument(option: &OptionDef, key: u32, command: Option<CommandId>) -> String {
    let name = indexed(option, key);
    let allowed = command.map_or(option.allowed, |command| option.allowed_for(command));
    let example = option.example.trim_start_matches("--");
    if !allowed.is_empty() {
        let list: Vec<String> = allowed.iter().map(|value| format!("'{value}'")).collect();
        return format!("allowed values are {}", list.join(", "));
    }
    match (option.kind, example.split_once('=')) {
        (Kind::Boolean, _) | (_, None) => format!("give it a value: --{name}=…"),
        (_, Some((_, value))) => format!("for example: --{name}={value}"),
    }
}
