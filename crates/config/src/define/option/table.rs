//! The table of all options, sorted by name; generated consts re-exported flat.

use super::OptionDef;

/// All options, sorted by name.
pub static OPTIONS: &[&OptionDef] = &[];
