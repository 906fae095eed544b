//! Keys held by an ssh-agent: all of them in turn, or the one whose public key file is given.

use std::path::PathBuf;

use russh::client::{AuthResult, Handle, Handler};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, PublicKey};

use super::failure::{lost, refused};
use super::sign::rsa_hash;
use crate::Result;
use crate::sftp::settings::SftpSettings;

/// sshd ends a connection after six refused keys by default.
const MOST_KEYS: usize = 5;

/// Where the agent is, and which of its keys to use.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    socket: PathBuf,
    only: Option<PublicKey>,
}

impl Agent {
    #[allow(clippy::disallowed_methods)] // reads the public key file
    pub(super) fn new(settings: &SftpSettings) -> Result<Self> {
        let Some(socket) = &settings.agent_socket else {
            return Err(refused(
                settings,
                "neither a private key file nor an agent to log in with".into(),
            )
            .with_hint("set repo-sftp-private-key-file"));
        };
        let only = match &settings.public_key_file {
            None => None,
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    refused(
                        settings,
                        format!(
                            "unable to read public key file '{}': {error}",
                            file.display()
                        ),
                    )
                })?;
                Some(PublicKey::from_openssh(text.trim()).map_err(|error| {
                    refused(
                        settings,
                        format!(
                            "public key file '{}' is not understood: {error}",
                            file.display()
                        ),
                    )
                })?)
            }
        };
        Ok(Self {
            socket: socket.clone(),
            only,
        })
    }

    /// The last answer, and what was tried.
    pub(super) async fn login<H: Handler>(
        &self,
        settings: &SftpSettings,
        handle: &mut Handle<H>,
    ) -> Result<(AuthResult, String)> {
        let dead = |error: russh::keys::Error| {
            refused(
                settings,
                format!(
                    "unable to ask the ssh-agent at '{}': {error}",
                    self.socket.display()
                ),
            )
            .with_hint("is it running? SSH_AUTH_SOCK=<that socket> ssh-add -l")
        };
        let mut agent = AgentClient::connect_uds(&self.socket).await.map_err(dead)?;
        let keys = agent.request_identities().await.map_err(dead)?;
        let count = keys.len();
        let mut tried = Vec::new();
        let mut last = None;
        for identity in keys {
            if self
                .only
                .as_ref()
                .is_some_and(|only| only.key_data() != identity.public_key().key_data())
            {
                continue;
            }
            if tried.len() == MOST_KEYS {
                break;
            }
            tried.push(
                identity
                    .public_key()
                    .fingerprint(russh::keys::HashAlg::Sha256)
                    .to_string(),
            );
            let rsa = matches!(identity.public_key().algorithm(), Algorithm::Rsa { .. });
            let hash = if rsa { rsa_hash(handle).await } else { None };
            let user = settings.user.as_str();
            let result = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    handle
                        .authenticate_publickey_with(user, key, hash, &mut agent)
                        .await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    handle
                        .authenticate_certificate_with(user, certificate, hash, &mut agent)
                        .await
                }
            };
            match result {
                Ok(AuthResult::Success) => return Ok((AuthResult::Success, String::new())),
                Ok(result) => last = Some(result),
                Err(error) if handle.is_closed() => return Err(lost(settings, error.to_string())),
                Err(error) => log::debug!(
                    "ssh-agent did not sign with {}: {error}",
                    tried.last().expect("pushed above")
                ),
            }
        }
        match last {
            Some(result) => Ok((
                result,
                format!("keys of the ssh-agent {}", tried.join(", ")),
            )),
            None => Err(refused(
                settings,
                format!(
                    "the ssh-agent at '{}' holds {count} keys, none of which can be used",
                    self.socket.display()
                ),
            )
            .with_hint("list them with ssh-add -l, add one with: ssh-add <private key file>")),
        }
    }
}
