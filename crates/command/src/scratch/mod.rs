//! A backup restored into a scratch directory, with a server that nobody reaches and that reaches nobody: for `drill` and
//! `restore-table`.
//!
//! The restore is `restore` itself, WAL comes by `archive-get` itself. Nothing is left at the end, whatever happens; what a run that
//! is killed leaves is removed by its watch, and if that was killed too by the next run in the same directory.

pub(crate) mod client;
mod directory;
mod error;
mod info;
mod marker;
mod opened;
mod place;
mod private;
pub(crate) mod process;
pub(crate) mod programs;
mod remains;
mod replayed;
pub(crate) mod restored;
pub(crate) mod server;
mod settings;
mod user;
pub(crate) mod watch;

pub(crate) use client::Client;
pub(crate) use directory::{Scratch, random};
pub(crate) use info::info;
pub(crate) use programs::Programs;
pub(crate) use replayed::Replayed;
pub(crate) use restored::Plan;
pub(crate) use settings::Settings;
pub(crate) use user::refuse_root;
pub(crate) use watch::Watch;
