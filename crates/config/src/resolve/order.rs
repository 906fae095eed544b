//! The order in which options are decided.
//!
//! Errors are reported in this order, so it is that of pgBackRest: the stanza, then again and again the alphabet, each time taking the options
//! whose dependencies are already decided. Invariant: every option occurs once, after those it depends on.

use crate::define::option::{OptionDef, STANZA};
use crate::input::Program;
use crate::parse::name;

/// All options of `program`, dependencies first.
pub(crate) fn resolve_order(program: Program) -> Vec<&'static OptionDef> {
    let mut order = vec![STANZA];
    let mut open: Vec<&'static OptionDef> = name::options(program)
        .filter(|option| *option != STANZA)
        .collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|option| {
            let decided = depends_on(option).all(|name| order.iter().any(|done| done.name == name));
            if decided {
                order.push(option);
            }
            !decided
        });
        // A circle (or a dependency on an unknown option) in the tables; their tests exclude it.
        if open.len() == before {
            order.append(&mut open);
        }
    }
    order
}

/// Names of the options that `option` depends on for any command.
fn depends_on(option: &OptionDef) -> impl Iterator<Item = &'static str> {
    option
        .depends
        .iter()
        .chain(option.depends_by_command.iter().map(|(_, depend)| depend))
        .map(|depend| depend.option)
}
