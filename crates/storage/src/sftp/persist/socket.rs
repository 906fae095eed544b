//! The socket at which a persistent connection is lent, also one that is no SFTP.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::{Error, Operation, Result};

/// The name of the socket, which goes with this.
#[derive(Debug)]
pub struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        let _ = rustix::fs::unlink(&self.0);
    }
}

/// Listens at a socket. The name appears when all is ready: who finds it is heard. Whoever calls it has a lock, so a socket that
/// is there already is nobody's.
///
/// # Errors
/// The socket cannot be made.
pub fn listen(socket: &Path) -> Result<(UnixListener, Name)> {
    let fail = |error: &io::Error| {
        Error::from_io(Operation::OpenWrite, socket.display().to_string(), error)
    };
    // Shorter than the name, which may be as long as a name of a socket can be.
    let first = socket.with_extension("new");
    match rustix::fs::unlink(&first) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(fail(&errno.into())),
    }
    let listener = UnixListener::bind(&first).map_err(|error| fail(&error))?;
    let mut name = Name(first);
    // Who gets in is decided by `is_same_user`; this shows it.
    std::fs::set_permissions(&name.0, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| fail(&error))?;
    rustix::fs::rename(&name.0, socket).map_err(|errno| fail(&errno.into()))?;
    name.0 = socket.to_owned();
    Ok((listener, name))
}

/// Both ends belong to the same user: one's login is used, and the other's data given away.
///
/// # Errors
/// The system does not say whose it is.
pub fn is_same_user(stream: impl AsFd) -> io::Result<bool> {
    let other = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(other.uid == rustix::process::geteuid())
}
