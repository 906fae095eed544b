//! The master: one connection, one channel ready, a socket where commands ask for it.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::PATIENCE;
use super::ready_channel::ReadyChannel;
use super::socket::{is_same_user, listen};
use crate::sftp::auth::Credentials;
use crate::sftp::identity::verify::Verifier;
use crate::sftp::settings::SftpSettings;
use crate::sftp::ssh::attempts::Attempts;
use crate::sftp::ssh::session::{self, Session};
use crate::{Error, Operation, Result};

/// How often a master checks whether its time is over.
const POLL: Duration = Duration::from_millis(100);

/// How long a connection is kept open.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// With nobody using it.
    pub idle: Duration,
    /// In all: what the server or the configuration has changed since becomes known to a new connection only.
    pub longest: Duration,
}

/// Makes a connection and serves channels of it at `socket` until its time is over, it ends, or `stopped` says so. Whoever
/// calls it has a lock, so a socket that is there already is nobody's.
///
/// # Errors
/// A server that cannot be reached or proves to be another; a socket that cannot be made.
pub fn run(
    settings: &SftpSettings,
    socket: &Path,
    lifetime: Lifetime,
    stopped: &dyn Fn() -> bool,
) -> Result<()> {
    crate::sftp::runtime()?.block_on(async {
        let verifier = Arc::new(Verifier::new(settings)?);
        let credentials = Credentials::load(settings)?;
        let mut again = Attempts::few();
        tokio::select! {
            session = session::open(settings, &verifier, &credentials, &mut again) => {
                lend(session?, socket, lifetime, stopped).await
            }
            () = until(stopped) => Ok(()),
        }
    })
}

async fn until(stopped: &dyn Fn() -> bool) {
    while !stopped() {
        tokio::time::sleep(POLL).await;
    }
}

async fn lend(
    session: Session,
    socket: &Path,
    lifetime: Lifetime,
    stopped: &dyn Fn() -> bool,
) -> Result<()> {
    let (handle, round_trip) = (Arc::new(session.handle), session.round_trip);
    let known = session.known;
    let next = || {
        let server = &known.lock().unwrap_or_else(PoisonError::into_inner).server;
        let ready = ReadyChannel::open(Arc::clone(&handle), server.clone(), round_trip);
        tokio::spawn(tokio::time::timeout(PATIENCE, ready))
    };
    let mut ready = next();
    let (listener, name) = listen(socket)?;
    let fail = |error: &std::io::Error| {
        Error::from_io(Operation::OpenWrite, socket.display().to_string(), error)
    };
    listener
        .set_nonblocking(true)
        .map_err(|error| fail(&error))?;
    let listener = UnixListener::from_std(listener).map_err(|error| fail(&error))?;
    let (began, mut used) = (Instant::now(), Instant::now());
    let mut lent = JoinSet::new();
    let mut poll = tokio::time::interval(POLL);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted
                    && is_same_user(&stream).unwrap_or(false)
                {
                    // The next one is opened while this one is used.
                    lent.spawn(serve(std::mem::replace(&mut ready, next()), stream));
                }
            }
            Some(served) = lent.join_next(), if !lent.is_empty() => {
                used = Instant::now();
                // A connection that gives no channel helps nobody; while one is lent the server may allow no other.
                if lent.is_empty() && !served.unwrap_or(false) {
                    break;
                }
            }
            _ = poll.tick() => {
                let idle = lent.is_empty() && used.elapsed() >= lifetime.idle;
                let over = idle || began.elapsed() >= lifetime.longest;
                // Without its name nobody can come.
                if over || stopped() || handle.is_closed() || !socket.exists() {
                    break;
                }
            }
        }
    }
    // Nobody finds the way here any more; who has come is served. Who came a moment too late sees the socket closed.
    drop(name);
    drop(listener);
    while !lent.is_empty() && !stopped() {
        let _ = tokio::time::timeout(POLL, lent.join_next()).await;
    }
    let bye = handle.disconnect(russh::Disconnect::ByApplication, "", "");
    let _ = tokio::time::timeout(Duration::from_millis(500), bye).await;
    Ok(())
}

/// A channel that is being opened.
type Opening = JoinHandle<std::result::Result<std::result::Result<ReadyChannel, String>, Elapsed>>;

/// Lends the channel out as soon as it is open. Without one (`false`) the socket closes and the command helps itself.
async fn serve(ready: Opening, stream: UnixStream) -> bool {
    match ready.await {
        Ok(Ok(Ok(ready))) => {
            ready.lend(stream).await;
            true
        }
        Ok(Ok(Err(error))) => {
            log::debug!("no channel to lend: {error}");
            false
        }
        Ok(Err(_)) | Err(_) => false,
    }
}
