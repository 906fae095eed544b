//! What the repositories hold of each stanza: info files, archives, locks, and a status where something is wrong.
//!
//! `info` and `metrics` show it. Invariant: what is wrong with one repository becomes its status and hides no other.

mod archives;
mod collect;
mod report;
mod restorable;
mod status;
mod wanted;

pub(crate) use collect::stanzas as read;
pub(crate) use report::{ArchiveReport, RepositoryReport, StanzaReport};
pub(crate) use restorable::{restorable, span};
pub(crate) use status::{Running, Status, percent};
pub(crate) use wanted::{Requested, WalRead, Wanted};

#[cfg(test)]
pub(crate) mod tests;
