//! Asks a server for its host keys, one kind with each connection, and logs in with none of them.
//!
//! The key exchange proves that the server has the key that it shows; whose server it is, is for the user to say. Servers
//! count connections without login: three kinds are asked for, which is below what OpenSSH bears.

use std::sync::{Arc, Mutex, PoisonError};

use russh::client;
use russh::keys::{PublicKey, PublicKeyOrCertificate};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg};

use super::attempts::{Attempts, is_lost};
use super::session::{SessionError, handshake_error, timeout_error};
use super::{algorithms, connect};
use crate::Result;
use crate::sftp::identity::algorithm_order::HostKeyOffer;
use crate::sftp::settings::SftpSettings;

const fn ecdsa(curve: EcdsaCurve) -> Algorithm {
    Algorithm::Ecdsa { curve }
}

/// Best first.
const KINDS: [&[Algorithm]; 3] = [
    &[Algorithm::Ed25519],
    &[
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
    ],
    &[
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        },
    ],
];

/// Keeps the key and ends the connection.
struct Listener(Arc<Mutex<Option<PublicKey>>>);

impl client::Handler for Listener {
    type Error = SessionError;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, SessionError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.public_key());
        Ok(false)
    }
}

/// How a handshake ended, if it did in time.
type Ended = std::result::Result<
    std::result::Result<client::Handle<Listener>, SessionError>,
    tokio::time::error::Elapsed,
>;

/// One connection that asks for a key of this kind: what was shown, and how it ended.
async fn ask(settings: &SftpSettings, kind: &[Algorithm]) -> Result<(Option<PublicKey>, Ended)> {
    let (stream, _) = connect::connect(settings).await?;
    let offer = HostKeyOffer {
        keys: kind.to_vec(),
        certificates: Vec::new(),
    };
    let heard = Arc::new(Mutex::new(None));
    let config = Arc::new(algorithms::config(settings, offer));
    let handshake = client::connect_stream(config, stream, Listener(Arc::clone(&heard)));
    let ended = tokio::time::timeout(settings.io_timeout, handshake).await;
    let key = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((key, ended))
}

/// The keys that the server has, of the kinds that are accepted.
pub(crate) async fn learn(settings: &SftpSettings) -> Result<Vec<PublicKey>> {
    let mut found = Vec::new();
    let mut last = None;
    let mut again = Attempts::few();
    for kind in KINDS {
        let ended = loop {
            let (heard, ended) = ask(settings, kind).await?;
            if let Some(key) = heard {
                found.push(key);
                break None;
            }
            match ended {
                Ok(Err(SessionError::Ssh(error)))
                    if is_lost(&error) && again.wait(&handshake_error(settings, &error)).await => {}
                ended => break Some(ended),
            }
        };
        match ended {
            // It has no key of this kind.
            Some(Ok(Err(SessionError::Ssh(error @ russh::Error::NoCommonAlgo { .. })))) => {
                last = Some(handshake_error(settings, &error));
            }
            Some(Ok(Err(SessionError::Ssh(error)))) => {
                return Err(handshake_error(settings, &error));
            }
            Some(Ok(Err(SessionError::Refused(error)))) => return Err(error),
            Some(Ok(Ok(_))) | None => {}
            Some(Err(_)) => return Err(timeout_error(settings)),
        }
    }
    match last {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}
