//! Whether the condition of an option is fulfilled, and how it is explained when it is not.
//!
//! Invariant: an option that the command does not know has no value, so conditions on it are not fulfilled.

use super::resolver::Resolver;
use crate::config::Entry;
use crate::define::option::{Depend, Kind, OptionDef};
use crate::error::ConfigError;
use crate::parse::name;
use crate::value::Value;

impl Resolver<'_> {
    /// The value, as it is spelled, of the option called `name` at the index that belongs to `key`.
    pub(super) fn value_of(&self, name: &str, key: u32) -> Option<String> {
        let other = name::by_name(name)?;
        let key = if other.group.is_some() { key } else { 0 };
        let entry = self.entries.get(&(other.name, key))?;
        spelled(entry)
    }

    /// Whether `depend` is fulfilled at index `key`.
    pub(super) fn fulfilled(&self, depend: &Depend, key: u32) -> bool {
        let Some(other) = name::by_name(depend.option) else {
            return false;
        };
        let index = if other.group.is_some() { key } else { 0 };
        let set = self
            .entries
            .get(&(other.name, index))
            .is_some_and(|entry| entry.value.is_some());
        set && (depend.values.is_empty()
            || self
                .value_of(depend.option, key)
                .is_some_and(|value| depend.values.contains(&value.as_str())))
    }

    /// The error for an option said on the command line although its condition is not fulfilled.
    pub(super) fn not_fulfilled(
        &self,
        option: &'static OptionDef,
        key: u32,
        depend: &Depend,
    ) -> ConfigError {
        let other = name::by_name(depend.option);
        let other_name = other.map_or_else(
            || depend.option.to_owned(),
            |other| name::indexed(other, key),
        );
        let mut condition = format!("'{other_name}'");
        let set = self.value_of(depend.option, key).is_some();
        if set && other.is_some_and(|other| other.kind == Kind::Boolean) {
            if depend.values == ["n"] {
                condition = format!("'no-{other_name}'");
            }
        } else if set {
            let values: Vec<String> = depend.values.iter().map(|v| format!("'{v}'")).collect();
            condition += &match &values[..] {
                [] => String::new(),
                [one] => format!(" = {one}"),
                many => format!(" in ({})", many.join(", ")),
            };
        }
        ConfigError::option_invalid(format!(
            "option '{}' not valid without option {condition}",
            name::indexed(option, key)
        ))
    }
}

/// A value as conditions compare it; nothing if there is no value.
fn spelled(entry: &Entry) -> Option<String> {
    match entry.value.as_ref()? {
        Value::Boolean(true) => Some("y".to_owned()),
        Value::Boolean(false) => Some("n".to_owned()),
        _ => Some(entry.spelling.clone().unwrap_or_default()),
    }
}
