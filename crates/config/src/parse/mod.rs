//! Reads what the user wrote, wherever it was written, into one [`Said`].
//!
//! Nothing here knows defaults, dependencies or ranges; that is `resolve`. Invariant: sources are read from the strongest to the weakest
//! (command line, environment, files), and the first one to mention an option at an index wins.

pub(crate) mod argv;
pub(crate) mod environment;
pub(crate) mod file;
pub(crate) mod ini;
pub(crate) mod name;
pub(crate) mod search;
pub(crate) mod section;

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::define::option::OptionDef;
use crate::value::Source;

/// What was said about one option at one index.
pub(crate) struct SaidValue {
    /// `--no-x`, or a boolean set to `n`.
    pub(crate) negate: bool,
    /// `--reset-x`.
    pub(crate) reset: bool,
    /// The values as they were written; none for booleans.
    pub(crate) values: Vec<String>,
    /// Where it was said.
    pub(crate) source: Source,
}

/// All that was said: by option name and index (0 for options without index).
#[derive(Default)]
pub(crate) struct Said {
    options: BTreeMap<(&'static str, u32), SaidValue>,
}

impl Said {
    /// What was said about `option` at index `key`.
    pub(crate) fn get(&self, option: &'static OptionDef, key: u32) -> Option<&SaidValue> {
        self.options.get(&(option.name, key))
    }

    /// Everything said about `option`, by index.
    pub(crate) fn keys(
        &self,
        option: &'static OptionDef,
    ) -> impl Iterator<Item = (u32, &SaidValue)> {
        self.options
            .range((option.name, 0)..=(option.name, u32::MAX))
            .map(|((_, key), value)| (*key, value))
    }

    /// What was said about `option`, for a change.
    pub(crate) fn get_mut(
        &mut self,
        option: &'static OptionDef,
        key: u32,
    ) -> Option<&mut SaidValue> {
        self.options.get_mut(&(option.name, key))
    }

    /// Whether anything was said about `option` at `key`.
    pub(crate) fn has(&self, option: &'static OptionDef, key: u32) -> bool {
        self.options.contains_key(&(option.name, key))
    }

    /// Forgets what was said about other options than these.
    pub(crate) fn retain(&mut self, keep: impl Fn(&'static OptionDef) -> bool) {
        self.options
            .retain(|(name, _), _| name::by_name(name).is_some_and(&keep));
    }

    /// Remembers what was said; the caller has made sure that nothing stronger was.
    pub(crate) fn insert(&mut self, option: &'static OptionDef, key: u32, value: SaidValue) {
        self.options.insert((option.name, key), value);
    }
}
