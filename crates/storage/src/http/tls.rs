//! Whom the client trusts: given authorities, the system's, or anybody.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_native_certs::CertificateResult;

use super::named::NamedCertificates;
use super::settings::HttpSettings;

/// TLS as the settings want it; the error says which authorities could not be read.
pub(super) fn config(settings: &HttpSettings) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if !settings.verify_tls {
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth());
    }
    let own = settings.ca_file.is_some() || settings.ca_path.is_some();
    let found = if own {
        rustls_native_certs::load_certs_from_paths(
            settings.ca_file.as_deref(),
            settings.ca_path.as_deref(),
        )
    } else {
        rustls_native_certs::load_native_certs()
    };
    // A large collection of the system names no servers.
    let named = if own { found.certs.clone() } else { Vec::new() };
    let roots = Arc::new(roots(settings, own, found)?);
    let webpki = WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(NamedCertificates { webpki, named }))
        .with_no_client_auth())
}

fn roots(
    settings: &HttpSettings,
    own: bool,
    found: CertificateResult,
) -> Result<RootCertStore, String> {
    let place = || {
        let name = |path: &Path| path.display().to_string();
        let places = [
            settings.ca_file.as_deref().map(name),
            settings.ca_path.as_deref().map(name),
        ];
        places.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    // The system's collection may hold what cannot be read; what the user names must be right.
    if let Some(error) = found.errors.first().filter(|_| own) {
        return Err(format!(
            "unable to load certificate authorities from {}: {error}",
            place()
        ));
    }
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    match (added, own) {
        (0, true) => Err(format!("no certificate authority in {}", place())),
        (0, false) => Err("this system has no certificate authorities".to_owned()),
        _ => Ok(roots),
    }
}

/// Takes every certificate: verification was switched off.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
