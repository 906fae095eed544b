//! One option of a configuration: its value and where that came from.

use std::collections::BTreeMap;

use crate::value::{Source, Value};

/// One option at one index.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) value: Option<Value>,
    /// The value as the user spelled it, or the default as it is declared; nothing for booleans, lists, maps and secrets.
    pub(crate) spelling: Option<String>,
    /// `--no-x`, or a boolean set to `n`.
    pub(crate) negate: bool,
    pub(crate) reset: bool,
    pub(crate) source: Source,
    /// The default for this command, if there is one and it applies (filled for help even when another value is set).
    pub(crate) default: Option<String>,
}

impl Entry {
    /// Nothing was said and there is no default.
    pub(crate) fn unset() -> Self {
        Entry {
            value: None,
            spelling: None,
            negate: false,
            reset: false,
            source: Source::Default,
            default: None,
        }
    }
}

/// Options by name and index (0 without group). Only options that the command knows are in it.
pub(crate) type Entries = BTreeMap<(&'static str, u32), Entry>;
