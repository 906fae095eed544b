//! Who we are: a private key from a file or from an agent, with or without a certificate.
//!
//! Credentials are read once a process and used for every connection. Key material never appears in a message.

mod agent;
mod certificate;
mod failure;
mod from;
pub(crate) mod key_file;
pub(crate) mod new_key;
pub(crate) mod public_key;
mod sign;

use std::sync::Arc;

use russh::client::{AuthResult, Handle, Handler};
use russh::keys::{Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg};

use crate::error::{Error, Result};
use crate::sftp::settings::SftpSettings;
use failure::{lost, refused};

/// What we show the server.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    Key {
        key: Arc<PrivateKey>,
        certificate: Option<Box<Certificate>>,
        rsa: Option<Arc<sign::RsaSigner>>,
    },
    Agent(agent::Agent),
}

impl Credentials {
    /// Reads key, passphrase and certificate, or finds the agent.
    pub(crate) fn load(settings: &SftpSettings) -> Result<Self> {
        let Some(file) = &settings.private_key_file else {
            return agent::Agent::new(settings).map(Self::Agent);
        };
        let key = key_file::load(settings, file)?;
        let certificate = certificate::load(settings, file, key.public_key())?.map(Box::new);
        let rsa = sign::RsaSigner::for_key(&key).map_err(|why| {
            refused(
                settings,
                format!("private key file '{}': {why}", file.display()),
            )
        })?;
        Ok(Self::Key {
            key: Arc::new(key),
            certificate,
            rsa: rsa.map(Arc::new),
        })
    }

    /// Logs in. One attempt for a key file; an agent's keys are tried in turn.
    pub(crate) async fn login<H: Handler>(
        &self,
        settings: &SftpSettings,
        handle: &mut Handle<H>,
    ) -> Result<()> {
        let (result, tried) = match self {
            Self::Agent(agent) => agent.login(settings, handle).await?,
            Self::Key {
                key,
                certificate,
                rsa,
            } => {
                let lost = |error: String| lost(settings, error);
                let user = settings.user.as_str();
                let tried = format!(
                    "{} {}",
                    if certificate.is_some() {
                        "certificate of key"
                    } else {
                        "key"
                    },
                    key.fingerprint(HashAlg::Sha256)
                );
                let result = match (rsa, certificate) {
                    (Some(rsa), certificate) => {
                        let mut signer = sign::Signing(Arc::clone(rsa));
                        let hash = sign::rsa_hash(handle).await;
                        match certificate {
                            None => {
                                handle
                                    .authenticate_publickey_with(
                                        user,
                                        key.public_key().clone(),
                                        hash,
                                        &mut signer,
                                    )
                                    .await
                            }
                            Some(certificate) => {
                                handle
                                    .authenticate_certificate_with(
                                        user,
                                        Certificate::clone(certificate),
                                        hash,
                                        &mut signer,
                                    )
                                    .await
                            }
                        }
                        .map_err(|error| lost(error.to_string()))?
                    }
                    (None, Some(certificate)) => handle
                        .authenticate_openssh_cert(
                            user,
                            Arc::clone(key),
                            Certificate::clone(certificate),
                        )
                        .await
                        .map_err(|error| lost(error.to_string()))?,
                    (None, None) => handle
                        .authenticate_publickey(
                            user,
                            PrivateKeyWithHashAlg::new(Arc::clone(key), None),
                        )
                        .await
                        .map_err(|error| lost(error.to_string()))?,
                };
                (result, tried)
            }
        };
        match result {
            AuthResult::Success => Ok(()),
            AuthResult::Failure { .. } if handle.is_closed() => {
                // russh reports a connection that ended in the middle as a failure without methods.
                let AuthResult::Failure {
                    remaining_methods, ..
                } = &result
                else {
                    unreachable!("matched above")
                };
                if remaining_methods.is_empty() {
                    Err(lost(settings, "the server closed the connection during login".into())
                        .with_hint("the server's log says why: journalctl -u ssh (on the server); too many refused logins also end so"))
                } else {
                    Err(denied(settings, &tried, "").await)
                }
            }
            AuthResult::Failure {
                remaining_methods,
                partial_success,
            } => {
                let methods: Vec<String> = remaining_methods.iter().map(String::from).collect();
                let more = if partial_success {
                    " after our key was accepted"
                } else {
                    ""
                };
                Err(denied(
                    settings,
                    &tried,
                    &format!("; the server asks for {}{more}", methods.join(", ")),
                )
                .await)
            }
        }
    }
}

async fn denied(settings: &SftpSettings, tried: &str, more: &str) -> Error {
    let mut error = refused(settings, format!("public key authentication failed: user '{}', {tried}{more}", settings.user))
        .with_hint(format!("is the public key in the account's authorized_keys file, and may only '{}' write to it and its path?", settings.user));
    if let Some(hint) = from::hint(tried, &from::addresses(settings).await) {
        error = error.with_hint(hint);
    }
    error
        .with_hint(format!("try with: {}", settings.by_hand("")))
        .with_hint("the server's log says why it was refused: journalctl -u ssh (on the server)")
}
