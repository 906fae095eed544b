//! The command's end of a connection that another process keeps.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use pgkeep_protocol::Streams;
use pgkeep_storage::sftp::persist::is_same_user;

use crate::error::Error;
use crate::remote::dial::{Carrier, Dialed};

/// A conversation over the connection of the process that listens there, if one does and it is this user's. Whether the other
/// host answers shows with the greeting.
#[must_use]
pub fn borrow(socket: &Path) -> Option<Dialed> {
    let stream = UnixStream::connect(socket).ok()?;
    if !is_same_user(&stream).unwrap_or(false) {
        log::debug!("socket '{}' is another user's", socket.display());
        return None;
    }
    let (reads, ends) = (stream.try_clone().ok()?, stream.try_clone().ok()?);
    let carrier = Borrowed(stream.try_clone().ok()?);
    let streams = Streams::new(reads, stream, move |_| {
        let _ = ends.shutdown(Shutdown::Both);
    });
    Some(Dialed {
        streams,
        carrier: Box::new(carrier),
    })
}

#[derive(Debug)]
struct Borrowed(UnixStream);

impl Carrier for Borrowed {
    fn fate(&self, _seen: &pgkeep_protocol::Error) -> Option<Error> {
        // Whoever started the SSH client program is another process.
        None
    }

    fn kill(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }

    fn end(&self) {
        self.kill();
    }
}
