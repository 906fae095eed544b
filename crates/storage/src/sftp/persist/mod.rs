//! A persistent connection: a process, the master, keeps it open for the commands that come next, as OpenSSH does with
//! `ControlPersist`.
//!
//! A login costs a dozen round trips, the rest of a push half as many. Whoever pushes every few seconds to a server that is
//! far away would wait for logins most of the time. The master has a channel ready on which SFTP was begun. A command that
//! comes gets its bytes through a socket of this machine, and `greeting` tells what the server said. Where that fails for
//! whatever reason, the command makes a connection of its own: nothing depends on the master.

mod client;
mod greeting;
mod master;
mod ready_channel;
mod socket;

use std::time::Duration;

pub(super) use client::connect;
pub use master::{Lifetime, run};
pub use socket::{Name, is_same_user, listen};

/// How long a channel may take to be ready, at either end. A master behind a slow network helps no less than a login over
/// the same network. One that has none by then is stuck.
const PATIENCE: Duration = Duration::from_secs(10);
