//! What retention removes (`docs/format/expiry.md`). Lists and settings come in, decisions go out; nothing is opened.
//!
//! The caller removes and logs; every decision carries what its log line says. The invariant: a backup is never kept
//! without all that it depends on, and WAL that a kept backup needs to become consistent is never removed.

mod archive;
mod backups;
mod history;
mod stays;
#[cfg(test)]
mod tests;
mod unlisted;

pub use archive::{
    ArchiveAction, ArchivePlan, ArchiveRequest, KeepRange, KeepRanges, RemovedRuns, plan_archive,
};
pub use backups::{
    AdhocError, Expired, TimeExpired, expire_adhoc, expire_diff, expire_full, expire_full_by_time,
    oldest,
};
pub use history::{
    HistoryYear, history_limit, history_year, is_history_year, keeps_history_manifest,
};
pub use stays::{Generations, Period, Stays, Why};
pub use unlisted::{NewestSet, Protection, unlisted};
