//! `help`, `help COMMAND`, `help COMMAND OPTION` and `version`.
//!
//! The layout is pgBackRest's, the texts are those of the definitions. Invariant: secrets show as `<redacted>`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::argv::shown_values;
use super::completion::{Shell, script};
use super::man;
use super::text::{lower_summary, plain, wrap};
use crate::advice::spelling;
use crate::config::Config;
use crate::define::command::{CommandDef, CommandId, Role, commands};
use crate::define::option::{AS, HELP, OUTPUT, OptionDef, VERSION};
use crate::error::{ConfigError, PARAM_INVALID, Phase, Result};
use crate::input::Program;
use crate::parse::name::{self, Lookup};

/// Stands for different values at different indexes.
const MULTI: &str = "<multi>";
/// Headings of command help; options of other subjects are under the first.
const HEADINGS: [&str; 6] = [
    "command",
    "general",
    "log",
    "maintainer",
    "repository",
    "stanza",
];

/// Text of the help that `config` asks for, or the version.
///
/// Values are those after [`Config::check`], so that computed defaults are shown.
///
/// # Errors
/// Those of [`Config::check`]; 96 for more than one option, 31 for an option that the command does not know.
pub fn help(config: &Config, version: &str) -> Result<String> {
    let program = config.program();
    let title = format!("{} {version}", program.title());
    if !config.is_help() {
        match config.string(AS) {
            Some("man") => return Ok(man::page(program, version)),
            Some("bash") => return Ok(script(Shell::Bash).to_owned()),
            Some("zsh") => return Ok(script(Shell::Zsh).to_owned()),
            Some("fish") => return Ok(script(Shell::Fish).to_owned()),
            _ => {}
        }
        let version_only = config.boolean(VERSION) && !config.boolean(HELP);
        return Ok(match config.command() {
            CommandId::Version if config.string(OUTPUT) == Some("num") => {
                version_number(version).to_string()
            }
            CommandId::Version => title + "\n",
            _ if version_only => title + "\n",
            _ => general(program, &title),
        });
    }
    let config = &config.check()?.config;
    let title = format!("{title} - '{}' command", config.command().name());
    let (text, more) = match config.parameters() {
        [] => (
            command(config, &title),
            Some(format!("{} [option]", config.command().name())),
        ),
        [option] => (option_help(config, &title, option)?, None),
        _ => {
            return Err(
                ConfigError::new(PARAM_INVALID, "only one option allowed for option help")
                    .at(Phase::Checks),
            );
        }
    };
    Ok(match more {
        Some(more) => text + &more_help(program, &more),
        None => text,
    })
}

/// `2.60.0` as 2060000; parts that are not numbers count as 0.
fn version_number(version: &str) -> u32 {
    let mut parts = version.split('.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0_u32)
    });
    let mut next = || parts.next().unwrap_or(0);
    next() * 1_000_000 + next() * 1_000 + next()
}

fn more_help(program: Program, what: &str) -> String {
    format!(
        "\nUse '{} help {what}' for more information.\n",
        program.binary()
    )
}

/// Overview of the commands.
fn general(program: Program, title: &str) -> String {
    let listed: Vec<&CommandDef> = commands(program)
        .filter(|command| !command.internal)
        .collect();
    let width = listed.iter().map(|command| command.name.len()).max();
    let width = width.unwrap_or(0) + 2;
    let mut text = format!(
        "{title} - General help\n\nUsage:\n    {} [options] [command]\n\nCommands:\n",
        program.binary()
    );
    for command in listed {
        let summary = wrap(&plain(&lower_summary(command.summary)), width + 4);
        let _ = writeln!(text, "    {:width$}{summary}", command.name);
    }
    text + &more_help(program, "[command]")
}

/// Text of one command and list of its options.
fn command(config: &Config, title: &str) -> String {
    let definition = config.command().definition();
    let mut text = format!(
        "{title} help\n\n{}\n\n{}\n",
        wrap(&plain(definition.summary), 0),
        wrap(&plain(&described(definition.help, definition.internal)), 0)
    );
    if !definition.examples.is_empty() {
        text.push_str("\nExamples:\n\n");
        for example in definition.examples {
            let _ = writeln!(text, "  {}", for_program(example, config.program()));
        }
    }
    let mut sections: BTreeMap<&str, Vec<&'static OptionDef>> = BTreeMap::new();
    for option in name::options(config.program()) {
        let listed = option.is_known(config.program(), definition.id, Role::Main)
            && !option.internal_in(definition.id);
        if listed {
            let heading = HEADINGS
                .into_iter()
                .find(|heading| *heading == option.help_section)
                .unwrap_or(HEADINGS[0]);
            sections.entry(heading).or_default().push(option);
        }
    }
    let width = sections.values().flatten().map(|o| o.name.len()).max();
    let width = width.unwrap_or(0) + 2;
    for (heading, options) in sections {
        let _ = writeln!(
            text,
            "\n{}{} Options:\n",
            heading[..1].to_uppercase(),
            &heading[1..]
        );
        for option in options {
            let summary = lower_summary(option.summary) + &values_in_list(config, option);
            let _ = writeln!(
                text,
                "  --{:width$}{}",
                option.name,
                wrap(&plain(&summary), width + 4)
            );
        }
    }
    text
}

/// Help text with the warning that internal commands and options carry.
fn described(help: &str, internal: bool) -> String {
    if internal {
        format!("{help}\n\nFOR INTERNAL USE ONLY. DO NOT USE IN PRODUCTION.")
    } else {
        help.to_owned()
    }
}

/// An example under the name the program was started with.
fn for_program(example: &str, program: Program) -> String {
    example.replace(Program::PgKeep.binary(), program.binary())
}

/// ` [current=x, default=y]`, or less.
fn values_in_list(config: &Config, option: &'static OptionDef) -> String {
    let current = summarized(config, option, current).map(|value| format!("current={value}"));
    let default = summarized(config, option, default).map(|value| format!("default={value}"));
    match (current, default) {
        (None, None) => String::new(),
        (Some(current), Some(default)) => format!(" [{current}, {default}]"),
        (Some(one), None) | (None, Some(one)) => format!(" [{one}]"),
    }
}

/// Value at an index if it is not the default.
fn current(config: &Config, option: &'static OptionDef, key: u32) -> Option<String> {
    let entry = config.entry(option, key)?;
    if entry.source.is_default() {
        None
    } else if option.secure {
        Some("<redacted>".to_owned())
    } else {
        Some(shown_values(entry).join(", "))
    }
}

/// Default at an index.
fn default(config: &Config, option: &'static OptionDef, key: u32) -> Option<String> {
    config.entry(option, key)?.default.clone()
}

/// The value at all indexes if it is the same, else [`MULTI`].
fn summarized(
    config: &Config,
    option: &'static OptionDef,
    value: impl Fn(&Config, &'static OptionDef, u32) -> Option<String>,
) -> Option<String> {
    let mut values = config.indexes(option).map(|key| value(config, option, key));
    let first = values.next()?;
    if option.secure {
        // Whether secrets differ is nobody's business.
        first.or_else(|| values.flatten().next())
    } else if values.all(|other| other == first) {
        first
    } else {
        Some(MULTI.to_owned())
    }
}

/// Text of one option of a command, with its values and older names.
fn option_help(config: &Config, title: &str, candidate: &str) -> Result<String> {
    let command = config.command();
    let lookup = Lookup {
        index_optional: true,
        ..Lookup::exact(config.program())
    };
    let option = name::find(candidate, lookup)
        .map_err(|error| error.at(Phase::Checks))?
        .map(|found| found.option)
        .filter(|option| option.is_known(config.program(), command, Role::Main))
        .ok_or_else(|| {
            ConfigError::option_invalid(format!(
                "option '{candidate}' is not valid for command '{}'",
                command.name()
            ))
            .advise(
                config.program(),
                spelling::option(candidate, Some(command), config.program()),
            )
            .at(Phase::Checks)
        })?;
    let mut text = format!(
        "{title} - '{}' option help\n\n{}\n\n{}\n",
        option.name,
        wrap(&plain(option.summary), 0),
        wrap(
            &plain(&described(option.help, option.internal_in(command))),
            0
        )
    );
    let values = values_in_full(config, option, "current:", current)
        + &values_in_full(config, option, "default:", default);
    if !values.is_empty() {
        text.push('\n');
        text.push_str(&values);
    }
    if !option.example.is_empty() {
        let _ = writeln!(
            text,
            "\nexample: {}",
            for_program(option.example, config.program())
        );
    }
    let old: Vec<&str> = option.deprecated.iter().map(|old| old.name).collect();
    if !old.is_empty() {
        let plural = if old.len() > 1 { "s" } else { "" };
        let _ = writeln!(text, "\ndeprecated name{plural}: {}", old.join(", "));
    }
    Ok(text)
}

/// `label value`, or one line per index if they differ.
fn values_in_full(
    config: &Config,
    option: &'static OptionDef,
    label: &str,
    value: impl Fn(&Config, &'static OptionDef, u32) -> Option<String>,
) -> String {
    match (summarized(config, option, &value), option.group) {
        (None, _) => String::new(),
        (Some(one), Some(group)) if one == MULTI => {
            let mut text = format!("{label}\n");
            for key in config.indexes(option) {
                if let Some(value) = value(config, option, key) {
                    let _ = writeln!(text, "  {}{key}: {value}", group.name());
                }
            }
            text
        }
        (Some(one), _) => format!("{label} {one}\n"),
    }
}
