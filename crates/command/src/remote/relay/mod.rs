//! A connection to another host that a process keeps for the commands that come next, as with an SFTP repository.
//!
//! `lend` runs in the process that keeps it: each command that comes to its socket gets a session of the connection, which
//! carries the command's own conversation. `visits` runs on the other host and starts this program for each of them, as the
//! SSH server would. `borrow` is the command's end. So a command sees no difference but that nobody had to log in: its greeting,
//! rights, locks, stop files and configuration are looked at anew.

mod borrow;
mod lend;
mod visits;

pub use borrow::borrow;
pub use lend::lend;
pub use visits::{Again, Visits};
