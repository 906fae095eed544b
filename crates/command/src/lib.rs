//! The commands: one folder each, and the rooms they share: `run`, `hosts`, `locks`, `jobs`, `archiving`, `wal`, `stanzas`,
//! `hooks`, `report`, `report_page`, `scratch`, `remote`.
//!
//! A command is a function `run(&Context, Settings) -> Result<…>` that reads as its story. Nothing here reads the
//! command line, the environment or the clock directly, prints, or exits: that comes in through
//! [`run::context::Context`].

pub mod annotate;
pub mod archive_get;
pub mod archive_push;
pub mod archiving;
pub mod backup;
pub mod check;
pub mod demo;
pub mod doctor;
pub mod drill;
pub mod error;
pub mod error_code;
pub mod expire;
pub mod help;
pub mod hooks;
pub mod hosts;
pub mod info;
pub mod jobs;
pub mod locks;
pub mod manifest;
pub mod metrics;
pub mod remote;
pub mod repo_copy;
pub mod repo_get;
pub mod repo_ls;
pub mod repo_rekey;
pub mod repo_rm;
pub mod report;
pub mod report_page;
pub mod restore;
pub mod restore_table;
pub mod run;
mod scratch;
pub mod serve;
pub mod server;
pub mod server_ping;
pub mod sftp_audit;
pub mod sftp_probe;
pub mod sftp_setup;
pub mod stanza_create;
pub mod stanza_delete;
pub mod stanza_upgrade;
mod stanzas;
pub mod start;
pub mod stop;
pub mod verify;
pub mod version;
pub mod wal;

/// Logs at the level between info and debug that pgBackRest calls `DETAIL`.
#[macro_export]
macro_rules! detail {
    ($($arg:tt)*) => { log::debug!(target: $crate::DETAIL, $($arg)*) };
}

/// Target that marks a debug record as `DETAIL`.
pub const DETAIL: &str = "detail";

/// Logs an error with its code, as the line that explains an exit status.
pub fn log_error(error: &error::Error) {
    let target = format!("error:{:03}", error.code.number());
    log::error!(target: &target, "{}", error.text());
}
