//! The value of an option, by the type that the caller expects.
//!
//! An option that the command does not know, or that has another type, has no value.

use std::time::Duration;

use secrecy::SecretString;

use super::Config;
use crate::define::option::OptionDef;
use crate::value::Value;

impl Config {
    /// A boolean; false if it has no value (see [`Config::boolean_or_unset`]).
    pub fn boolean(&self, option: &'static OptionDef) -> bool {
        self.boolean_at(option, self.default_index(option))
    }

    /// A boolean at an index; false if it has no value.
    pub fn boolean_at(&self, option: &'static OptionDef, key: u32) -> bool {
        self.boolean_or_unset_at(option, key).unwrap_or(false)
    }

    /// A boolean that may have no value (`checksum-page`).
    pub fn boolean_or_unset(&self, option: &'static OptionDef) -> Option<bool> {
        self.boolean_or_unset_at(option, self.default_index(option))
    }

    /// A boolean at an index that may have no value.
    pub fn boolean_or_unset_at(&self, option: &'static OptionDef, key: u32) -> Option<bool> {
        match self.value_at(option, key)? {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer.
    pub fn integer(&self, option: &'static OptionDef) -> Option<i64> {
        self.integer_at(option, self.default_index(option))
    }

    /// An integer at an index.
    pub fn integer_at(&self, option: &'static OptionDef, key: u32) -> Option<i64> {
        match self.value_at(option, key)? {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// A size in bytes.
    pub fn size(&self, option: &'static OptionDef) -> Option<u64> {
        self.size_at(option, self.default_index(option))
    }

    /// A size in bytes at an index.
    pub fn size_at(&self, option: &'static OptionDef, key: u32) -> Option<u64> {
        match self.value_at(option, key)? {
            Value::Size(value) => Some(*value),
            _ => None,
        }
    }

    /// A time.
    pub fn time(&self, option: &'static OptionDef) -> Option<Duration> {
        self.time_at(option, self.default_index(option))
    }

    /// A time at an index.
    pub fn time_at(&self, option: &'static OptionDef, key: u32) -> Option<Duration> {
        match self.value_at(option, key)? {
            Value::Time(value) => Some(*value),
            _ => None,
        }
    }

    /// A string, choice or path (without trailing slash); never a secret.
    pub fn string(&self, option: &'static OptionDef) -> Option<&str> {
        self.string_at(option, self.default_index(option))
    }

    /// A string, choice or path at an index; never a secret.
    pub fn string_at(&self, option: &'static OptionDef, key: u32) -> Option<&str> {
        match self.value_at(option, key)? {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    /// A secret.
    pub fn secret(&self, option: &'static OptionDef) -> Option<&SecretString> {
        self.secret_at(option, self.default_index(option))
    }

    /// A secret at an index.
    pub fn secret_at(&self, option: &'static OptionDef, key: u32) -> Option<&SecretString> {
        match self.value_at(option, key)? {
            Value::Secret(value) => Some(value),
            _ => None,
        }
    }

    /// A list in the order given.
    pub fn list(&self, option: &'static OptionDef) -> Option<&[String]> {
        self.list_at(option, self.default_index(option))
    }

    /// A list at an index.
    pub fn list_at(&self, option: &'static OptionDef, key: u32) -> Option<&[String]> {
        match self.value_at(option, key)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    /// A map: pairs in the order in which the keys were first given, each key once.
    pub fn map(&self, option: &'static OptionDef) -> Option<&[(String, String)]> {
        self.map_at(option, self.default_index(option))
    }

    /// A map at an index.
    pub fn map_at(&self, option: &'static OptionDef, key: u32) -> Option<&[(String, String)]> {
        match self.value_at(option, key)? {
            Value::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The value as the user spelled it (`1m`, `5`), or as the default is declared; for messages.
    ///
    /// Nothing for options without value and for lists, maps and secrets.
    pub fn spelling(&self, option: &'static OptionDef) -> Option<String> {
        self.spelling_at(option, self.default_index(option))
    }

    /// The same at an index.
    pub fn spelling_at(&self, option: &'static OptionDef, key: u32) -> Option<String> {
        let entry = self.entry(option, key)?;
        match (&entry.value, &entry.spelling) {
            (Some(Value::Boolean(value)), _) => Some(if *value { "y" } else { "n" }.to_owned()),
            (Some(_), Some(spelling)) => Some(spelling.clone()),
            _ => None,
        }
    }
}
