//! Options of the command `serve`.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::option;

use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Where systemd puts the credentials of a unit.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The one that is a token.
const CREDENTIAL: &str = "serve-token";

/// Where `serve` listens, what it shows, whom it answers, and how old its answers may be.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) address: String,
    pub(super) port: u16,
    /// Certificate and key.
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) token: Option<PathBuf>,
    /// Names of this host beside those that are known.
    pub(super) names: Vec<String>,
    pub(super) age: Duration,
}

impl Settings {
    /// # Errors
    /// A certificate without a key, or a key without a certificate.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let path = |option| config.string(option).map(PathBuf::from);
        let tls = match (path(option::SERVE_CERT_FILE), path(option::SERVE_KEY_FILE)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (one, _) => {
                let missing = match one {
                    Some(_) => "serve-key-file",
                    None => "serve-cert-file",
                };
                return Err(Error::new(
                    ErrorCode::OptionRequired,
                    format!("serve command requires option: {missing}"),
                )
                .with_hint("TLS needs both a certificate and its key."));
            }
        };
        let address = config.string(option::SERVE_ADDRESS).unwrap_or("localhost");
        let mut names = config.list(option::SERVE_HOST).unwrap_or_default().to_vec();
        if address != "*" {
            names.push(address.to_owned());
        }
        Ok(Self {
            address: address.to_owned(),
            port: config
                .integer(option::SERVE_PORT)
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(9854),
            tls,
            token: path(option::SERVE_TOKEN_FILE).or_else(|| credential(context)),
            names,
            age: config
                .time(option::SERVE_CACHE_AGE)
                .unwrap_or(Duration::from_secs(60)),
        })
    }
}

/// The token that the unit of systemd was given.
#[allow(clippy::disallowed_methods)] // a credential is a file of this host, no storage of ours
fn credential(context: &Context) -> Option<PathBuf> {
    let path = PathBuf::from(context.environment.get(CREDENTIALS)?).join(CREDENTIAL);
    std::fs::metadata(&path).is_ok().then_some(path)
}
