//! The server's end of TLS for browsers and their like: whoever they are, no certificate is asked for.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::sign::SingleCertAndKey;

use super::files::Identity;
use super::trust::provider;
use crate::error::{Error, ErrorCode, Result};

/// What a server for HTTP/1.1 shows to everybody.
///
/// # Errors
/// [`ErrorCode::Crypto`].
pub(crate) fn web_server(identity: &Identity) -> Result<Arc<ServerConfig>> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::new(ErrorCode::Crypto, format!("unable to set TLS up: {why}"))
    };
    let key = identity.certified_key().map_err(|why| unusable(&why))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|why| unusable(&why))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
