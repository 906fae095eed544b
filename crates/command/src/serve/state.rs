//! What `serve` works with between two reloads: the rules for requests, and its end of TLS.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use super::rules::Rules;
use super::settings::Settings;
use super::token::Token;
use crate::error::Result;
use crate::remote::tls::{self, Identity};
use crate::run::Context;

/// Each connection has the one that was in force when it came.
pub(super) struct State {
    pub(super) rules: Rules,
    pub(super) tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

impl State {
    /// Reads certificate, key and token.
    pub(super) fn load(context: &Context, settings: &Settings) -> Result<Arc<Self>> {
        let identity = settings
            .tls
            .as_ref()
            .map(|(certificate, key)| Identity::load(certificate, key, &context.user))
            .transpose()?;
        let tls = identity.as_ref().map(tls::web_server).transpose()?;
        let token = settings
            .token
            .as_ref()
            .map(|path| Token::load(path, &context.user))
            .transpose()?;
        Ok(Arc::new(Self {
            rules: Rules {
                names: settings.names.clone(),
                identity,
                token,
            },
            tls: tls.map(TlsAcceptor::from),
        }))
    }
}
