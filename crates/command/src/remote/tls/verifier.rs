//! rustls asks here whether it may trust the certificate of the other side.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::certificate::Certificate;
use super::names;
use super::trust::{Side, Trust};

/// What a verifier has against a certificate, in words for the user; rustls keeps only a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// The chain is not trusted.
    Untrusted(String),
    /// It is not the host's that was wanted.
    Name,
}

/// The first that was refused on a connection.
pub(super) type Refusal = Arc<OnceLock<Refused>>;

/// Checks a server's certificate, or none at all.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    /// Nothing: any server will do.
    pub(super) trust: Option<Trust>,
    pub(super) host: String,
    pub(super) now: i64,
    pub(super) refusal: Refusal,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            let refuse = |why, error: CertificateError| {
                let _ = self.refusal.set(why);
                Err(error.into())
            };
            if let Err(why) = trust.check(certificate, intermediates, Side::Server, self.now) {
                return refuse(Refused::Untrusted(why.text), why.error);
            }
            let is_for_host = Certificate::read(certificate)
                .is_some_and(|read| names::is_for_host(&read, &self.host));
            if !is_for_host {
                return refuse(Refused::Name, CertificateError::NotValidForName);
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

/// Checks a client's certificate. One that shows none is let in: it may only ask whether somebody is there.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) trust: Trust,
    pub(super) subjects: Vec<DistinguishedName>,
    pub(super) now: i64,
    pub(super) refusal: Refusal,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match (self.trust).check(certificate, intermediates, Side::Client, self.now) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(why) => {
                let _ = self.refusal.set(Refused::Untrusted(why.text));
                Err(why.error.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

/// Whether the other side has the key of its certificate. rustls has this for certificates of version 3 only, so it is given
/// the key instead: a certificate's version says nothing about signatures.
fn verify_13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let key = SubjectPublicKeyInfoDer::from(read.key_info);
    verify_tls13_signature_with_raw_key(message, &key, signature, &algorithms())
}

/// The same for TLS 1.2, where a scheme names several algorithms and the key decides between them.
fn verify_12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let algorithms = algorithms();
    let valid = (algorithms.mapping.iter())
        .filter(|(scheme, _)| *scheme == signature.scheme)
        .flat_map(|(_, algorithms)| algorithms.iter())
        .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == read.key_algorithm)
        .any(|algorithm| {
            let signature = signature.signature();
            (algorithm.verify_signature(read.key, message, signature)).is_ok()
        });
    if valid {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}
