//! Finds the option a name means: prefixes `no-` and `reset-`, index, abbreviation, older spellings.
//!
//! The three sources share these rules; only the command line may abbreviate. Invariant: an option that exists only in pgkeep is not
//! found when the program was started as pgbackrest.

use crate::define::option::{Deprecated, Group, OPTIONS, OptionDef};
use crate::error::{ConfigError, Result};
use crate::input::Program;

/// Longest name, index and prefixes included.
const NAME_SIZE_MAX: usize = 64;

/// The option a name means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) option: &'static OptionDef,
    /// Index; 0 for options without group.
    pub(crate) key: u32,
    pub(crate) negate: bool,
    pub(crate) reset: bool,
}

/// How a name is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(crate) program: Program,
    /// A unique prefix is enough.
    pub(crate) abbreviated: bool,
    /// A group option needs no index (help).
    pub(crate) index_optional: bool,
}

impl Lookup {
    /// Exact names, as in files and environment.
    pub(crate) fn exact(program: Program) -> Self {
        Lookup {
            program,
            abbreviated: false,
            index_optional: false,
        }
    }
}

/// Options known to `program`, sorted by name.
pub(crate) fn options(program: Program) -> impl Iterator<Item = &'static OptionDef> + Clone {
    OPTIONS
        .iter()
        .copied()
        .filter(move |option| program == Program::PgKeep || !option.ours)
}

/// The option called exactly `name`, whoever knows it.
pub(crate) fn by_name(name: &str) -> Option<&'static OptionDef> {
    OPTIONS
        .binary_search_by(|option| option.name.cmp(name))
        .ok()
        .map(|position| OPTIONS[position])
}

/// Name of `option` at index `key` as it is typed: `repo2-path`, `process-max`.
pub fn indexed(option: &OptionDef, key: u32) -> String {
    match option.group {
        Some(group) => format!("{}{key}{}", group.name(), rest(option, group)),
        None => option.name.to_owned(),
    }
}

/// Name of a group option without the group.
fn rest(option: &OptionDef, group: Group) -> &'static str {
    option
        .name
        .strip_prefix(group.name())
        .expect("names of group options begin with the group")
}

/// A name taken apart.
struct Parts {
    /// Without prefix and index.
    base: String,
    /// The index that was in the name.
    index: Option<u32>,
    negate: bool,
    reset: bool,
}

/// Finds the option that `candidate` (without leading dashes) means; nothing if there is none.
///
/// # Errors
/// 31 if the option exists but may not be said in this way.
pub(crate) fn find(candidate: &str, lookup: Lookup) -> Result<Option<Found>> {
    let parts = take_apart(candidate)?;
    let (option, old_spelling) = match find_current(&parts, lookup) {
        Some(option) => (option, matches_old_spelling(option, &parts)),
        None => match find_deprecated(candidate, &parts, lookup)? {
            Some(option) => (option, true),
            None => return Ok(None),
        },
    };

    if parts.negate && !option.negatable {
        return Err(ConfigError::option_invalid(format!(
            "option '{candidate}' cannot be negated"
        )));
    }
    if parts.reset && !option.resettable {
        return Err(ConfigError::option_invalid(format!(
            "option '{candidate}' cannot be reset"
        )));
    }
    if !old_spelling {
        check_index(candidate, option, &parts, lookup)?;
    }
    let key = match option.group {
        Some(_) => parts.index.unwrap_or(1),
        None => 0,
    };
    Ok(Some(Found {
        option,
        key,
        negate: parts.negate,
        reset: parts.reset,
    }))
}

/// Splits prefix and index off. The index is the digits before the first dash.
fn take_apart(candidate: &str) -> Result<Parts> {
    if candidate.len() > NAME_SIZE_MAX {
        return Err(ConfigError::option_invalid(format!(
            "option '{candidate}' exceeds maximum size of {NAME_SIZE_MAX}"
        )));
    }
    let negated = candidate.strip_prefix("no-");
    let reset = candidate.strip_prefix("reset-");
    let name = negated.or(reset).unwrap_or(candidate);
    let mut parts = Parts {
        base: name.to_owned(),
        index: None,
        negate: negated.is_some(),
        reset: reset.is_some(),
    };
    let Some(dash) = name.find('-') else {
        return Ok(parts);
    };
    if dash == 0 {
        return Err(ConfigError::option_invalid(format!(
            "option '{candidate}' cannot begin with a dash"
        )));
    }
    let group = name[..dash].trim_end_matches(|c: char| c.is_ascii_digit());
    if group.is_empty() {
        return Err(ConfigError::option_invalid(format!(
            "option '{candidate}' cannot begin with a number"
        )));
    }
    let digits = &name[group.len()..dash];
    if !digits.is_empty() {
        let (low, high) = Group::KEYS;
        let index = digits
            .parse()
            .ok()
            .filter(|index| (low..=high).contains(index));
        if index.is_none() {
            return Err(ConfigError::option_invalid(format!(
                "option '{candidate}' key must be between {low} and {high}"
            )));
        }
        parts.index = index;
        parts.base = format!("{group}{}", &name[dash..]);
    }
    Ok(parts)
}

/// A name that means nothing as prefix (`no-`, `reset-` or nothing), name without index, and index (1 if there is none).
pub(crate) fn pieces(candidate: &str) -> (&'static str, String, u32) {
    let Ok(parts) = take_apart(candidate) else {
        return ("", String::new(), 1);
    };
    let prefix = match (parts.negate, parts.reset) {
        (true, _) => "no-",
        (_, true) => "reset-",
        _ => "",
    };
    (prefix, parts.base, parts.index.unwrap_or(1))
}

/// Searches the current names.
fn find_current(parts: &Parts, lookup: Lookup) -> Option<&'static OptionDef> {
    if let Some(option) = by_name(&parts.base)
        && (lookup.program == Program::PgKeep || !option.ours)
    {
        return Some(option);
    }
    if lookup.abbreviated {
        only(options(lookup.program).filter(|option| option.name.starts_with(&parts.base)))
    } else {
        None
    }
}

/// Whether an unindexed name of a group option is also an older spelling of index 1 (`repo-path`).
fn matches_old_spelling(option: &OptionDef, parts: &Parts) -> bool {
    parts.index.is_none() && option.deprecated.iter().any(|old| old.name == option.name)
}

/// Searches the older spellings.
fn find_deprecated(
    candidate: &str,
    parts: &Parts,
    lookup: Lookup,
) -> Result<Option<&'static OptionDef>> {
    let all = || {
        options(lookup.program)
            .flat_map(|option| option.deprecated.iter().map(move |old| (option, old)))
            // A spelling that is the option's own name was found among the current names.
            .filter(|(option, old)| old.name != option.name)
    };
    let exact = all().find(|(_, old)| old.name == parts.base);
    let found = match exact {
        None if lookup.abbreviated => {
            only(all().filter(|(_, old)| old.name.starts_with(&parts.base)))
        }
        exact => exact,
    };
    let Some((option, old)) = found else {
        return Ok(None);
    };
    check_old_index(candidate, option, old, parts, lookup)?;
    Ok(Some(option))
}

/// The item of an iterator that has exactly one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    if items.next().is_none() { first } else { None }
}

/// An older spelling has its own rule for the index.
fn check_old_index(
    candidate: &str,
    option: &'static OptionDef,
    old: &Deprecated,
    parts: &Parts,
    lookup: Lookup,
) -> Result<()> {
    if parts.index.is_some() && !old.indexed {
        return Err(ConfigError::option_invalid(format!(
            "deprecated option '{candidate}' cannot have an index"
        )));
    }
    if parts.index.is_none() && !old.unindexed && !lookup.index_optional {
        let (group, tail) = parts.base.split_once('-').unwrap_or((&parts.base, ""));
        return Err(ConfigError::option_invalid(format!(
            "deprecated option '{candidate}' requires an index"
        ))
        .hint(format!("add the required index, e.g. {group}1-{tail}."))
        .hint(format!(
            "consider using the non-deprecated name, e.g. {}.",
            indexed(option, 1)
        )));
    }
    Ok(())
}

/// A current name has an index exactly if the option is in a group.
fn check_index(
    candidate: &str,
    option: &'static OptionDef,
    parts: &Parts,
    lookup: Lookup,
) -> Result<()> {
    if parts.index.is_some() && option.group.is_none() {
        return Err(ConfigError::option_invalid(format!(
            "option '{candidate}' cannot have an index"
        )));
    }
    if parts.index.is_none() && option.group.is_some() && !lookup.index_optional {
        return Err(
            ConfigError::option_invalid(format!("option '{candidate}' requires an index")).hint(
                format!("add the required index, e.g. {}.", indexed(option, 1)),
            ),
        );
    }
    Ok(())
}
