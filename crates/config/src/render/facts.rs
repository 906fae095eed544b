//! Facts about an option in words, for the reference and the manual page.
//!
//! Invariant: only what the definition says; nothing of a user's configuration.

use crate::define::command::{CommandId, Role};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range, Section};

/// What kind of value the option takes.
pub(crate) fn kind(option: &OptionDef) -> &'static str {
    match option.kind {
        Kind::Boolean => "boolean (y or n)",
        Kind::Integer => "integer",
        Kind::Size => "size",
        Kind::Time => "time",
        Kind::String => "text",
        Kind::StringId => "choice",
        Kind::Path => "absolute path",
        Kind::List => "list (repeat the option)",
        Kind::Hash => "key=value (repeat the option)",
    }
}

/// Placeholder of the value in a synopsis; nothing for booleans.
pub(crate) fn placeholder(option: &OptionDef) -> Option<&'static str> {
    match option.kind {
        Kind::Boolean => None,
        Kind::Integer => Some("N"),
        Kind::Size => Some("SIZE"),
        Kind::Time => Some("TIME"),
        Kind::String | Kind::List => Some("TEXT"),
        Kind::StringId => Some("CHOICE"),
        Kind::Path => Some("PATH"),
        Kind::Hash => Some("KEY=VALUE"),
    }
}

/// Name with the index spelled out: `repoN-path`.
pub(crate) fn name_with_index(option: &OptionDef) -> String {
    match option.group {
        Some(group) => format!("{0}N{1}", group.name(), &option.name[group.name().len()..]),
        None => option.name.to_owned(),
    }
}

/// Commands that know the option when the user starts them.
pub(crate) fn commands(option: &OptionDef) -> Vec<&'static str> {
    option
        .commands
        .iter()
        .filter(|known| known.has(Role::Main))
        .map(|known| known.command.name())
        .collect()
}

/// All facts as label and text.
pub(crate) fn facts(option: &OptionDef) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Value", kind(option).to_owned())];
    let mut add = |label, text: String| {
        if !text.is_empty() {
            facts.push((label, text));
        }
    };
    add("Default", default(option));
    add("Accepted", option.allowed.join(", "));
    add(
        "Accepted",
        by_command(option.allowed_by_command, |values| values.join(", ")),
    );
    add(
        "Accepted by pgkeep only",
        by_command(option.allowed_ours, |values| values.join(", ")),
    );
    add("Range", range(option));
    add("Depends on", depends(option));
    add("Where", places(option).to_owned());
    add("Commands", commands(option).join(", "));
    let ours = option.commands_ours.iter().map(|command| command.name());
    add("Only as pgkeep for", ours.collect::<Vec<_>>().join(", "));
    if option.ours {
        add("Known to", "pgkeep only".to_owned());
    }
    let old: Vec<&str> = option.deprecated.iter().map(|old| old.name).collect();
    add("Older names", old.join(", "));
    if option.secure {
        add("Secret", "never shown".to_owned());
    }
    facts
}

fn default(option: &OptionDef) -> String {
    let general = match option.default {
        Default::None => String::new(),
        Default::Is(value) => value.to_owned(),
        Default::Argv0 => "the program as it was started".to_owned(),
        Default::ByOption { option, values } => listed(
            values
                .iter()
                .map(|(v, d)| format!("{d} if {option} is {v}")),
        ),
    };
    let exceptions = by_command(option.default_by_command, |value| (*value).to_owned());
    listed(
        [general, exceptions]
            .into_iter()
            .filter(|text| !text.is_empty()),
    )
}

fn range(option: &OptionDef) -> String {
    match option.range {
        None => String::new(),
        Some(Range::Is(low, high)) => format!("{low} to {high}"),
        Some(Range::ByOption { option, values }) => listed(
            values
                .iter()
                .map(|(v, low, high)| format!("{low} to {high} if {option} is {v}")),
        ),
    }
}

fn depends(option: &OptionDef) -> String {
    let general = option.depends.map(|depend| condition(&depend));
    let exceptions = by_command(option.depends_by_command, condition);
    listed(
        general
            .into_iter()
            .chain((!exceptions.is_empty()).then_some(exceptions)),
    )
}

fn condition(depend: &Depend) -> String {
    let condition = match depend.values {
        [] => format!("{} being set", depend.option),
        values => format!("{} = {}", depend.option, values.join(" or ")),
    };
    match depend.otherwise {
        Some(value) => format!("{condition} (else {value})"),
        None => condition,
    }
}

fn places(option: &OptionDef) -> &'static str {
    match (option.section, option.secure) {
        (Section::Global, false) => "command line, environment, any section of the file",
        (Section::Global, true) => "environment, any section of the file",
        (Section::Stanza, false) => "command line, environment, sections of a stanza",
        (Section::Stanza, true) => "environment, sections of a stanza",
        (Section::CommandLine, _) => "command line, environment",
    }
}

fn by_command<T>(list: &[(CommandId, T)], text: impl Fn(&T) -> String) -> String {
    listed(
        list.iter()
            .map(|(command, value)| format!("{} for {}", text(value), command.name())),
    )
}

fn listed(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join("; ")
}
