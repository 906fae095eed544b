//! One connection for looking at a server: what it says on the way in, and a login with the repository's own key.
//!
//! Methods of login are learnt with `none`, which is no attempt in a server's count; no password is ever sent. The
//! server's identity is checked as for every other connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, DisconnectReason, Handle};
use russh::keys::{Algorithm, PublicKey, PublicKeyOrCertificate};
use ssh_key::HashAlg;
use ssh_key::public::KeyData;

use super::kexinit::{Offer, Tap};
use crate::Result;
use crate::sftp::auth::Credentials;
use crate::sftp::identity::verify::Verifier;
use crate::sftp::settings::SftpSettings;
use crate::sftp::ssh::attempts::Attempts;
use crate::sftp::ssh::session::{
    Opening, SessionError, ended, handshake, handshake_error, login_timeout,
};

/// A key of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// `ssh-ed25519`
    pub algorithm: String,
    /// Length of the modulus or the curve's field.
    pub bits: usize,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl HostKey {
    fn of(key: &PublicKey) -> Self {
        Self {
            algorithm: key.algorithm().as_str().to_owned(),
            bits: bits(key.key_data()),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        }
    }
}

/// Length of a key in bits; 0 where the kind is not known.
pub(super) fn bits(key: &KeyData) -> usize {
    match key {
        KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => 256,
        KeyData::Ecdsa(key) => match key.curve() {
            ssh_key::EcdsaCurve::NistP256 => 256,
            ssh_key::EcdsaCurve::NistP384 => 384,
            ssh_key::EcdsaCurve::NistP521 => 521,
        },
        KeyData::Rsa(key) => number_bits(key.n()),
        KeyData::Dsa(key) => number_bits(key.p()),
        _ => 0,
    }
}

fn number_bits(number: &ssh_key::Mpint) -> usize {
    let bytes = number.as_positive_bytes().unwrap_or_default();
    bytes
        .first()
        .map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

/// What both sides agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    pub key_exchange: String,
    pub host_key: String,
    pub cipher: String,
    /// Empty for a cipher with its own check.
    pub mac: String,
}

/// What the server said before and at the login.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// `None` when the server's first packet was not understood.
    pub offer: Option<Offer>,
    pub agreed: Agreed,
    /// Methods that the server offers this account.
    pub methods: Vec<String>,
    /// The server let us in without any proof.
    pub open_to_all: bool,
    /// All keys that the server announced, else the one that it showed.
    pub host_keys: Vec<HostKey>,
    /// Time of a TCP connection being made, about one round trip.
    pub round_trip: Duration,
    /// From the first packet to being logged in.
    pub login_time: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    agreed: Agreed,
    shown: Option<HostKey>,
    announced: Vec<HostKey>,
    ended: Option<String>,
}

/// Our side of the SSH library's callbacks.
pub(super) struct Client {
    verifier: Arc<Verifier>,
    seen: Arc<Mutex<Seen>>,
}

impl client::Handler for Client {
    type Error = SessionError;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, SessionError> {
        let public = key.public_key();
        lock(&self.seen).shown = Some(HostKey::of(&public));
        self.verifier
            .check(&public, key.certificate())
            .map_err(SessionError::Refused)?;
        Ok(true)
    }

    async fn kex_done(
        &mut self,
        _: Option<&[u8]>,
        names: &russh::Names,
        _: &mut client::Session,
    ) -> std::result::Result<(), SessionError> {
        let cipher: &str = names.cipher.as_ref();
        let own_check = cipher.contains("gcm") || cipher.contains("poly1305");
        let mac: &str = names.client_mac.as_ref();
        lock(&self.seen).agreed = Agreed {
            key_exchange: names.kex.as_ref().to_owned(),
            host_key: Algorithm::as_str(&names.key).to_owned(),
            cipher: cipher.to_owned(),
            mac: if own_check {
                String::new()
            } else {
                mac.to_owned()
            },
        };
        Ok(())
    }

    async fn openssh_ext_host_keys_announced(
        &mut self,
        keys: Vec<PublicKey>,
        _: &mut client::Session,
    ) -> std::result::Result<(), SessionError> {
        lock(&self.seen).announced = keys.iter().map(HostKey::of).collect();
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<SessionError>,
    ) -> std::result::Result<(), SessionError> {
        let text = ended(reason);
        lock(&self.seen).ended.get_or_insert(text);
        Ok(())
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A logged-in connection.
pub(super) struct Connection {
    pub(super) handle: Handle<Client>,
    seen: Arc<Mutex<Seen>>,
    handshake: Handshake,
}

impl Connection {
    /// Connects and logs in. `ask_methods`: asks for the methods of login first.
    pub(super) async fn open(settings: &SftpSettings, ask: Ask) -> Result<Self> {
        let verifier = Arc::new(Verifier::new(settings)?);
        let credentials = Credentials::load(settings)?;
        let mut again = Attempts::few();
        loop {
            match Self::try_to_open(settings, ask, &verifier, &credentials, &mut again).await {
                Err(Opening::LoginLost(error)) if again.wait(&error).await => {}
                Err(Opening::LoginLost(error) | Opening::Failed(error)) => return Err(error),
                Ok(connection) => return Ok(connection),
            }
        }
    }

    async fn try_to_open(
        settings: &SftpSettings,
        ask: Ask,
        verifier: &Arc<Verifier>,
        credentials: &Credentials,
        again: &mut Attempts,
    ) -> std::result::Result<Self, Opening> {
        let mut seen = Arc::new(Mutex::new(Seen::default()));
        let mut started = tokio::time::Instant::now();
        let mut start = None;
        let (mut handle, round_trip) =
            handshake(settings, verifier, again, |mut config, stream| {
                started = tokio::time::Instant::now();
                let (stream, tapped) = Tap::new(stream);
                start = Some(tapped);
                if ask.keepalive_off {
                    config.keepalive_interval = None;
                }
                seen = Arc::default();
                let client = Client {
                    verifier: Arc::clone(verifier),
                    seen: Arc::clone(&seen),
                };
                (config, stream, client)
            })
            .await?;
        let login = async {
            let mut methods = Vec::new();
            if ask.methods {
                match handle.authenticate_none(settings.user.as_str()).await {
                    Ok(AuthResult::Success) => return Ok((methods, true)),
                    Ok(AuthResult::Failure {
                        remaining_methods, ..
                    }) => methods = remaining_methods.iter().map(String::from).collect(),
                    Err(error) => return Err(handshake_error(settings, &error)),
                }
            }
            credentials.login(settings, &mut handle).await?;
            Ok((methods, false))
        };
        let (methods, open_to_all) = tokio::time::timeout(settings.io_timeout, login)
            .await
            .map_err(|_| login_timeout(settings))?
            .map_err(Opening::of_login)?;
        let handshake = Handshake {
            offer: start.and_then(|start| start.offer()),
            agreed: lock(&seen).agreed.clone(),
            methods,
            open_to_all,
            host_keys: Vec::new(),
            round_trip,
            login_time: started.elapsed(),
        };
        Ok(Self {
            handle,
            seen,
            handshake,
        })
    }

    /// What was said so far. Announced host keys come with the answer to the first request after the login.
    pub(super) fn handshake(&self) -> Handshake {
        let seen = lock(&self.seen);
        let mut handshake = self.handshake.clone();
        handshake.host_keys = if seen.announced.is_empty() {
            seen.shown.iter().cloned().collect()
        } else {
            seen.announced.clone()
        };
        handshake
    }

    /// Waits for the reason after a channel was found gone with its connection; the library tells of both one after the other.
    pub(super) async fn end(&self) {
        const POLL: Duration = Duration::from_millis(10);
        const POLLS: u32 = 100;
        for _ in 0..POLLS {
            if self.ended().is_some() {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Why the connection is no more.
    pub(super) fn ended(&self) -> Option<String> {
        lock(&self.seen).ended.clone().or_else(|| {
            self.handle
                .is_closed()
                .then(|| "the server closed the connection".to_owned())
        })
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ask {
    pub(super) methods: bool,
    /// Nothing is sent by itself, so that the server's own limit on idle connections shows.
    pub(super) keepalive_off: bool,
}
