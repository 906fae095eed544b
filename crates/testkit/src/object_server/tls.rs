//! The server's side of TLS with a certificate of the test's authority.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{During, Result};

/// Accepts connections as the server that has this certificate and key (PEM).
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_file(certificate).during("read the certificate")?;
    let key = PrivateKeyDer::from_pem_file(key).during("read the key")?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .during("set TLS up")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .during("use the certificate")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
