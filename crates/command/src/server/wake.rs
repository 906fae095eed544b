//! What a server waits for: a client, or that something else has happened.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Ends the wait from another thread.
#[derive(Debug, Clone)]
pub(super) struct Bell(Arc<UnixStream>);

impl Bell {
    pub(super) fn ring(&self) {
        // Full: it rings already.
        let _ = (&*self.0).write(&[1]);
    }
}

/// Waits.
#[derive(Debug)]
pub(super) struct Wait {
    heard: UnixStream,
    bell: Bell,
}

impl Wait {
    pub(super) fn new() -> io::Result<Self> {
        let (heard, bell) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        Ok(Self {
            heard,
            bell: Bell(Arc::new(bell)),
        })
    }

    pub(super) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits for a client of `listener`, if there is one, or for the bell, at most so long. Whether it is a client.
    pub(super) fn wait(
        &self,
        listener: Option<&TcpListener>,
        most: Option<Duration>,
    ) -> io::Result<bool> {
        let mut waited = vec![PollFd::new(&self.heard, PollFlags::IN)];
        if let Some(listener) = listener {
            waited.push(PollFd::new(listener, PollFlags::IN));
        }
        let most = most.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut waited, most.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_client = waited.get(1).is_some_and(|fd| !fd.revents().is_empty());
        if !waited[0].revents().is_empty() {
            while (&self.heard)
                .read(&mut [0; 64])
                .is_ok_and(|count| count > 0)
            {}
        }
        Ok(is_client)
    }
}
