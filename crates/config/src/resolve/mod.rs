//! Decides on the value of every option of a command: groups, dependencies, defaults, checks (spec 11.2, 11.5).
//!
//! `group` says which indexes exist, `order` in which order options are decided, `option` decides on one, `check` applies the rules that
//! concern several. Invariant: an option is decided after those it depends on.

pub(crate) mod check;
mod depend;
mod group;
mod option;
mod order;
mod repository;
mod sftp;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::Loaded;
use crate::advice::spelling;
use crate::config::{Config, Entries};
use crate::define::command::{CommandId, Role};
use crate::define::option::{Default, EXEC_ID, Group, OptionDef, PG, REPO, STANZA};
use crate::error::{ConfigError, Phase, Result};
use crate::input::{Input, Program};
use crate::origin::Origin;
use crate::parse::argv::CommandLine;
use crate::parse::{Said, argv, environment, file, name, section};
use crate::value::{Source, Value};

/// Reads all sources and resolves.
pub(crate) fn load(input: &Input<'_>) -> Result<Loaded> {
    let mut line = argv::parse(&input.args, input.program)?;
    let mut warnings = Vec::new();
    let result = load_sources(input, &mut line, &mut warnings)
        .and_then(|origin| resolve(origin, line.command, &line, &mut warnings));
    finish(result, line.role, warnings)
}

/// Environment and files.
fn load_sources(
    input: &Input<'_>,
    line: &mut CommandLine,
    warnings: &mut Vec<String>,
) -> Result<Arc<Origin>> {
    let mut origin = Origin {
        program: input.program,
        argv0: input.args.first().cloned().unwrap_or_default(),
        args: input.args.clone(),
        environment: input.environment.clone(),
        ini: None,
        looked: Vec::new(),
        defaults: match input.program {
            Program::PgKeep => file::PGKEEP_FILES,
            Program::PgBackRest => file::PGBACKREST_FILES,
        },
        uid: input.uid,
        exec_id: input.exec_id.clone(),
    };
    if reads_sources(line.command) {
        let command = (line.command, line.role);
        environment::parse(
            &origin.environment,
            origin.program,
            command,
            &mut line.said,
            warnings,
        )?;
        // The demonstration has a configuration of its own; that of the machine may be of any kind.
        if line.command != CommandId::Demo {
            let loaded = file::load(input.files, input.program, &line.said, warnings)?;
            origin.ini = loaded.ini;
            origin.looked = loaded.looked;
            origin.defaults = loaded.defaults;
            read_sections(&origin, line, warnings)?;
        }
    }
    Ok(Arc::new(origin))
}

/// `help` alone and `version` must work whatever is in environment and files.
fn reads_sources(command: CommandId) -> bool {
    !matches!(command, CommandId::Help | CommandId::Version)
}

fn read_sections(
    origin: &Origin,
    line: &mut CommandLine,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Some(ini) = &origin.ini else {
        return Ok(());
    };
    let stanza = line
        .said
        .get(STANZA, 0)
        .and_then(|value| value.values.first().cloned());
    section::parse(
        ini,
        origin.program,
        stanza.as_deref(),
        (line.command, line.role),
        &mut line.said,
        warnings,
    )
}

/// Resolves and checks the same words for another stanza.
pub(crate) fn resolve_for_stanza(config: &Config, stanza: &str) -> Result<Loaded> {
    let origin = Arc::clone(&config.origin);
    let mut args = origin.args.clone();
    args.push(format!("--stanza={stanza}"));
    let mut line = argv::parse(&args, origin.program)?;
    let mut warnings = Vec::new();
    environment::parse(
        &origin.environment,
        origin.program,
        (line.command, line.role),
        &mut line.said,
        &mut warnings,
    )
    .and_then(|()| read_sections(&origin, &mut line, &mut warnings))
    .and_then(|()| resolve(origin, line.command, &line, &mut warnings))
    .and_then(|config| config.check())
    .map(|checked| {
        warnings.extend(checked.warnings);
        Loaded {
            config: checked.config,
            warnings,
        }
    })
}

/// What environment and files say about an option without index to another command of the same stanza; else its default.
pub(crate) fn said_to(
    config: &Config,
    command: CommandId,
    option: &'static OptionDef,
) -> Option<String> {
    let origin = &config.origin;
    let to = (command, Role::Main);
    let (mut said, mut warnings) = (Said::default(), Vec::new());
    let stanza = config.stanza();
    // What is wrong with the words was told when this command read them.
    let read = environment::parse(
        &origin.environment,
        origin.program,
        to,
        &mut said,
        &mut warnings,
    )
    .and_then(|()| match &origin.ini {
        Some(ini) => section::parse(ini, origin.program, stanza, to, &mut said, &mut warnings),
        None => Ok(()),
    });
    let value = said.get(option, 0).filter(|_| read.is_ok());
    match (
        value.and_then(|said| said.values.first()),
        option.default_for(command),
    ) {
        (Some(value), _) => Some(value.clone()),
        (None, Default::Is(default)) => Some(default.to_owned()),
        (None, _) => None,
    }
}

/// Roles other than main show no warnings of this phase, and their errors like those of the command line.
fn finish(result: Result<Config>, role: Role, warnings: Vec<String>) -> Result<Loaded> {
    let main = role == Role::Main;
    let warnings = if main { warnings } else { Vec::new() };
    match result {
        Ok(config) => Ok(Loaded { config, warnings }),
        Err(error) => Err(ConfigError {
            phase: if main {
                Phase::Values
            } else {
                Phase::CommandLine
            },
            warnings,
            ..error
        }),
    }
}

/// What is needed to decide on one option.
struct Resolver<'a> {
    origin: &'a Origin,
    said: &'a Said,
    command: CommandId,
    help: bool,
    /// Decided so far.
    entries: Entries,
}

/// Decides on every option of the command.
fn resolve(
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
