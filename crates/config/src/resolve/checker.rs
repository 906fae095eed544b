//! A configuration while the rules about several options are applied, and how they change it.

use std::time::Duration;

use crate::config::{Config, Entry};
use crate::define::option::OptionDef;
use crate::value::{Source, Value, show_seconds};

/// A configuration while the rules are applied.
pub(super) struct Checker {
    pub(super) config: Config,
    pub(super) warnings: Vec<String>,
}

impl Checker {
    pub(super) fn set_default_time(&mut self, option: &'static OptionDef, time: Duration) {
        let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.set_default(option, 0, Value::Time(time), show_seconds(milliseconds));
    }

    /// Replaces a value by a computed default.
    pub(super) fn set_default(
        &mut self,
        option: &'static OptionDef,
        key: u32,
        value: Value,
        spelling: String,
    ) {
        self.set(option, key, Source::Default, value, spelling);
    }

    pub(super) fn set(
        &mut self,
        option: &'static OptionDef,
        key: u32,
        source: Source,
        value: Value,
        spelling: String,
    ) {
        let entry = self
            .config
            .entries
            .entry((option.name, key))
            .or_insert_with(Entry::unset);
        entry.value = Some(value);
        if source.is_default() {
            entry.default = Some(spelling.clone());
        }
        entry.source = source;
        entry.spelling = Some(spelling);
    }
}
