//! Decides on every option of a command, in the order of their dependencies.

use std::sync::Arc;

use super::resolver::Resolver;
use super::{group, order};
use crate::advice::spelling;
use crate::config::{Config, Entries};
use crate::define::command::CommandId;
use crate::define::option::{EXEC_ID, Group, OptionDef, PG, REPO};
use crate::error::{ConfigError, Result};
use crate::origin::Origin;
use crate::parse::argv::CommandLine;
use crate::parse::name;
use crate::value::{Source, Value};

/// Decides on every option of the command.
pub(super) fn decide(
    origin: Arc<Origin>,
    command: CommandId,
    line: &CommandLine,
    warnings: &mut Vec<String>,
) -> Result<Config> {
    refuse_unknown_to_command(&origin, command, line)?;
    let mut groups = group::Groups::new(&origin, (command, line.role), &line.said);
    let mut resolver = Resolver {
        origin: &origin,
        said: &line.said,
        command,
        help: line.help,
        entries: Entries::new(),
    };
    for option in order::resolve_order(origin.program) {
        if !option.is_known(origin.program, command, line.role) {
            continue;
        }
        for key in groups.indexes(option) {
            let (entry, keep) = resolver.option(option, key, warnings)?;
            resolver.entries.insert((option.name, key), entry);
            if let (true, Some(group)) = (keep, option.group) {
                groups.keep(group, key);
            }
        }
    }
    let mut entries = resolver.entries;
    let keys = groups.finish(&mut entries);
    let mut config = Config {
        origin,
        command,
        role: line.role,
        help: line.help,
        parameters: line.parameters.clone(),
        entries,
        keys,
        checked: false,
    };
    check_chosen_key(&config, PG, Group::Pg)?;
    check_chosen_key(&config, REPO, Group::Repo)?;
    add_exec_id(&mut config);
    Ok(config)
}

/// An option that was said although the command does not know it can only come from the command line.
fn refuse_unknown_to_command(
    origin: &Origin,
    command: CommandId,
    line: &CommandLine,
) -> Result<()> {
    let unknown = name::options(origin.program).find(|option| {
        !option.is_known(origin.program, command, line.role)
            && line.said.keys(option).next().is_some()
    });
    match unknown {
        Some(option) => Err(ConfigError::option_invalid(format!(
            "option '{}' not valid for command '{}'",
            option.name,
            command.name()
        ))
        .advise(
            origin.program,
            [spelling::not_of_command(option, command, origin.program)],
        )),
        None => Ok(()),
    }
}

/// `--repo=3` needs a repo3.
fn check_chosen_key(config: &Config, option: &'static OptionDef, group: Group) -> Result<()> {
    let Some(chosen) = config.integer(option) else {
        return Ok(());
    };
    if config
        .keys(group)
        .iter()
        .any(|key| i64::from(*key) == chosen)
    {
        return Ok(());
    }
    Err(ConfigError::option_value(format!(
        "key '{}' is not valid for '{}' option",
        config.spelling(option).unwrap_or_default(),
        option.name
    )))
}

/// The run gets its identification unless it was started with one; it then counts as said on the command line.
fn add_exec_id(config: &mut Config) {
    if let Some(entry) = config.entries.get_mut(&(EXEC_ID.name, 0))
        && entry.value.is_none()
    {
        entry.value = Some(Value::String(config.origin.exec_id.clone()));
        entry.spelling = Some(config.origin.exec_id.clone());
        entry.source = Source::CommandLine;
    }
}
