//! Handshake and login: from a TCP connection to an authenticated SSH session.
//!
//! The verifier is asked before anything of ours is sent; its refusal comes out as it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, DisconnectReason, Handle};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use tokio::io::{AsyncRead, AsyncWrite};

use super::attempts::{Attempts, is_lost};
use super::connect::Stream;
use super::{algorithms, connect};
use crate::sftp::auth::Credentials;
use crate::sftp::identity::verify::Verifier;
use crate::sftp::settings::SftpSettings;
use crate::{Error, ErrorKind, Operation, Result};

/// What became known during the handshake, and why the session ended.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// `SSH-2.0-OpenSSH_9.2p1 …`
    pub(crate) server: String,
    pub(crate) ended: Option<String>,
}

/// One authenticated connection.
pub(crate) struct Session {
    pub(crate) handle: Handle<Client>,
    pub(crate) known: Arc<Mutex<Known>>,
    pub(crate) round_trip: Duration,
}

/// Our side of the SSH library's callbacks.
pub(crate) struct Client {
    verifier: Arc<Verifier>,
    known: Arc<Mutex<Known>>,
}

/// Error of the session: the library's or ours.
#[derive(Debug)]
pub(crate) enum SessionError {
    Ssh(russh::Error),
    Refused(Error),
}

impl From<russh::Error> for SessionError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl client::Handler for Client {
    type Error = SessionError;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, SessionError> {
        self.verifier
            .check(&key.public_key(), key.certificate())
            .map_err(SessionError::Refused)?;
        Ok(true)
    }

    async fn kex_done(
        &mut self,
        _: Option<&[u8]>,
        names: &russh::Names,
        session: &mut client::Session,
    ) -> std::result::Result<(), SessionError> {
        let server = String::from_utf8_lossy(session.remote_sshid())
            .trim()
            .to_owned();
        let mac: &str = names.client_mac.as_ref();
        log::debug!(
            target: "detail",
            "SSH server '{server}': key exchange {}, host key {}, cipher {}, mac {mac}",
            names.kex.as_ref(),
            Algorithm::as_str(&names.key),
            names.cipher.as_ref(),
        );
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .server = server;
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<SessionError>,
    ) -> std::result::Result<(), SessionError> {
        let text = ended(reason);
        log::debug!("SSH connection ended: {text}");
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ended
            .get_or_insert(text);
        Ok(())
    }
}

/// Why a session ended.
pub(crate) fn ended(reason: DisconnectReason<SessionError>) -> String {
    match reason {
        DisconnectReason::ReceivedDisconnect(info) => {
            format!("the server disconnected: {}", info.message)
        }
        DisconnectReason::Error(SessionError::Ssh(error)) => describe(&error),
        DisconnectReason::Error(SessionError::Refused(error)) => error.to_string(),
    }
}

fn describe(error: &russh::Error) -> String {
    match error {
        russh::Error::IO(error) => Error::from_io(Operation::Connect, "", error).reason,
        russh::Error::Disconnect | russh::Error::HUP => "the server closed the connection".into(),
        russh::Error::KeepaliveTimeout => "the server does not answer keepalive messages".into(),
        error => error.to_string(),
    }
}

/// Connects, proves who the server is, logs in; tries `again` when the connection is lost before that is done.
pub(crate) async fn open(
    settings: &SftpSettings,
    verifier: &Arc<Verifier>,
    credentials: &Credentials,
    again: &mut Attempts,
) -> Result<Session> {
    loop {
        match try_to_open(settings, verifier, credentials, again).await {
            Err(Opening::LoginLost(error)) if again.wait(&error).await => {}
            Err(Opening::LoginLost(error) | Opening::Failed(error)) => return Err(error),
            Ok(session) => return Ok(session),
        }
    }
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum Opening {
    /// The connection was lost during the login.
    LoginLost(Error),
    Failed(Error),
}

impl From<Error> for Opening {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Opening {
    /// Of an error of the login itself, which is one of the connection only when that has ended.
    pub(crate) fn of_login(error: Error) -> Self {
        if error.kind == ErrorKind::Connect {
            Self::LoginLost(error)
        } else {
            Self::Failed(error)
        }
    }
}

async fn try_to_open(
    settings: &SftpSettings,
    verifier: &Arc<Verifier>,
    credentials: &Credentials,
    again: &mut Attempts,
) -> std::result::Result<Session, Opening> {
    let mut known = Arc::new(Mutex::new(Known::default()));
    let (mut handle, round_trip) = handshake(settings, verifier, again, |config, stream| {
        known = Arc::default();
        let client = Client {
            verifier: Arc::clone(verifier),
            known: Arc::clone(&known),
        };
        (config, stream, client)
    })
    .await?;
    let login = credentials.login(settings, &mut handle);
    match tokio::time::timeout(settings.io_timeout, login).await {
        Ok(Ok(())) => Ok(Session {
            handle,
            known,
            round_trip,
        }),
        Ok(Err(error)) => Err(Opening::of_login(error)),
        Err(_) => Err(login_timeout(settings).into()),
    }
}

/// Connects and proves who the server is; comes with the time of one round trip. `begin` makes what is particular to a
/// connection, for each that is tried; `again` says how often one that is lost is.
///
/// # Errors
/// A server that cannot be reached, or is not the one that was meant.
pub(crate) async fn handshake<H, S>(
    settings: &SftpSettings,
    verifier: &Verifier,
    again: &mut Attempts,
    mut begin: impl FnMut(client::Config, Stream) -> (client::Config, S, H),
) -> Result<(Handle<H>, Duration)>
where
    H: client::Handler<Error = SessionError> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut refused = None;
    loop {
        let (stream, round_trip) = connect::connect(settings).await?;
        let config = algorithms::config(settings, verifier.offer());
        let (config, stream, client) = begin(config, stream);
        let handshake = client::connect_stream(Arc::new(config), stream, client);
        match tokio::time::timeout(settings.io_timeout, handshake).await {
            Ok(Ok(handle)) => return Ok((handle, round_trip)),
            // A fingerprint may be that of another of the server's keys: ask for those too.
            Ok(Err(SessionError::Refused(error))) if verifier.may_offer_other_kind() => {
                refused = Some(error);
            }
            Ok(Err(SessionError::Refused(error))) => return Err(error),
            Ok(Err(SessionError::Ssh(error)))
                if is_lost(&error) && again.wait(&handshake_error(settings, &error)).await => {}
            Ok(Err(SessionError::Ssh(error))) => {
                // It has no keys of another kind: then the refusal of the one it has is the answer.
                return Err(match refused {
                    Some(refused) if matches!(error, russh::Error::NoCommonAlgo { .. }) => refused,
                    _ => handshake_error(settings, &error),
                });
            }
            Err(_) => return Err(timeout_error(settings)),
        }
    }
}

/// The server did not finish the login.
pub(crate) fn login_timeout(settings: &SftpSettings) -> Error {
    failed(settings, ErrorKind::Connect, "timeout during login".into())
        .with_hint(format!("see where it stops: {}", settings.by_hand("-v")))
}

/// The server did not finish the handshake.
pub(super) fn timeout_error(settings: &SftpSettings) -> Error {
    failed(
        settings,
        ErrorKind::Connect,
        "timeout during ssh handshake".into(),
    )
    .with_hint(format!(
        "is it an SSH server? nc {} {}",
        settings.host, settings.port
    ))
}

pub(crate) fn handshake_error(settings: &SftpSettings, error: &russh::Error) -> Error {
    match error {
        russh::Error::NoCommonAlgo { kind, ours, theirs } => failed(
            settings,
            ErrorKind::Identity,
            format!(
                "no common algorithm for {kind:?}: we offer {}, the server {}",
                ours.join(","),
                theirs.join(",")
            ),
        )
        .with_hint("update the server; until then repo-sftp-algorithm=legacy also offers what old servers need"),
        russh::Error::Version => failed(settings, ErrorKind::Connect, "the server is not an SSH server".into())
            .with_hint(format!("see what it says: nc {} {}", settings.host, settings.port)),
        russh::Error::WrongServerSig => {
            failed(settings, ErrorKind::Identity, "the server could not prove that it has its host key".into())
        }
        error => failed(settings, ErrorKind::Connect, format!("ssh handshake failed: {}", describe(error)))
            .with_hint(format!("is it an SSH server? nc {} {}", settings.host, settings.port)),
    }
}

fn failed(settings: &SftpSettings, kind: ErrorKind, reason: String) -> Error {
    Error::new(kind, Operation::Connect, settings.address(), reason)
}
