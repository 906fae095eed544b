//! Hints beyond pgBackRest's: what was meant, where was looked, which stanzas there are, where a value is set.
//!
//! They are shown only by `pgkeep`: started as `pgbackrest` the program says exactly what pgBackRest says, hints included, because
//! scripts and people compare. Codes and messages are the same under both names. Invariant: no hint shows a secret.

pub(crate) mod access;
pub(crate) mod places;
pub(crate) mod similar;
pub(crate) mod spelling;
#[cfg(test)]
mod tests;
