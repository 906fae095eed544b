//! The outside world, for tests: real clusters, made-up data directories, pgBackRest, sshd, a bad network.
//!
//! What lives here lies outside our code; fakes of our own traits live beside the traits. This crate depends on no other
//! crate of ours, so every layer can use it. What is missing on a machine is `Error::Missing`, which a `suite` reports as
//! *ignored* with the reason: a test that could not run never counts as passed.

// Tests reach real files, environment, clock and terminal on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

pub mod account;
mod accounts;
pub mod archiving;
pub mod authority;
pub mod browser;
pub mod cluster;
pub mod compare;
pub mod configuration;
pub mod data_dir;
pub mod error;
pub mod exporter;
pub mod family;
pub mod golden;
pub mod installed;
pub mod network_proxy;
pub mod object_server;
pub mod page_check;
pub mod pgbackrest;
pub mod run;
pub mod running;
pub mod scratch;
pub mod sftp_server;
pub mod suite;
pub mod terminal;
pub mod throw_away_root;
pub mod wrapper;

pub use error::{Error, Result};
