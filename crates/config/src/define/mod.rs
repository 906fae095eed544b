//! Every command and option there is, declared once as plain data.
//!
//! The parsers of the command line, the environment and the configuration files, the help, the reference pages and the argument
//! lists of child processes are all made from these tables. No code here decides anything: a rule that cannot be said as data
//! belongs into `resolve`. Invariant: one entry per command and per option, both tables sorted by name.

pub mod command;
pub mod option;

#[cfg(test)]
mod tests;
