//! A connection that outlives the command that needs it next: a process holds it and lends it out.
//!
//! A login costs a dozen round trips, the rest of a push half as many: whoever pushes every few seconds over a long line
//! would wait for logins most of the time. The master has a channel ready on which SFTP was begun; a command that comes gets
//! its bytes through a socket of this machine, and `greeting` tells what the server said. Whatever is wrong with the
//! loan, the command makes a connection of its own: nothing depends on the master.

mod client;
mod greeting;
mod master;
mod ready_channel;

use std::io;
use std::time::Duration;

use tokio::net::UnixStream;

pub(super) use client::connect;
pub use master::{Lifetime, run};

/// How long a channel may take to be ready, at either end. A master whose line is slow helps no less than a login over the same
/// line; one that has none by then is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Both ends belong to the same user: one's key is lent out, and the other's data given away.
fn same_user(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}
