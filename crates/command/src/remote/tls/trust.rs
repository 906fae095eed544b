//! Whom this side trusts: certificate authorities, and whether a certificate leads to one of them.
//!
//! webpki does the work. What it refuses and OpenSSL, and so pgBackRest, accepts is added: certificates of version 1 that an
//! authority itself has signed (which pgBackRest's guide makes), and an authority's own certificate that is shown as a server's.
//! Neither widens trust beyond the authorities that the user named.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DistinguishedName, RootCertStore};

use super::certificate::Certificate;

/// The cryptography of every TLS connection.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

/// Why a certificate is not trusted: OpenSSL's words, with its number where there is one.
#[derive(Debug, Clone)]
pub(super) struct Distrust {
    pub(super) text: String,
    pub(super) error: CertificateError,
}

impl Distrust {
    fn new(number: u16, text: &str, error: CertificateError) -> Self {
        Self {
            text: format!("[{number}] {text}"),
            error,
        }
    }
}

/// Certificates of authorities that are trusted.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    pub(super) fn new(authorities: Vec<CertificateDer<'static>>) -> Self {
        Self {
            authorities,
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        }
    }

    /// Names of the authorities, by which whoever has several certificates chooses one.
    pub(super) fn subjects(&self) -> Vec<DistinguishedName> {
        self.roots_at(None).subjects()
    }

    /// Whether a certificate of this side is to be trusted now (seconds since 1970).
    pub(super) fn check(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        side: Side,
        now: i64,
    ) -> Result<(), Distrust> {
        let Some(read) = Certificate::read(certificate) else {
            return Err(Distrust {
                text: "it cannot be read".to_owned(),
                error: CertificateError::BadEncoding,
            });
        };
        if read.version == 1 {
            return self.check_version_1(&read, now);
        }
        let error = match self.check_chain(certificate, intermediates, side, now) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // An authority that the user named, shown as a server's own. webpki looks at the dates before.
        if is_only_an_authoritys(&error) && self.authorities.contains(&certificate.clone()) {
            return Ok(());
        }
        let self_signed = intermediates.iter().any(|other| {
            Certificate::read(other).is_some_and(|certificate| certificate.is_own_issuer())
        });
        // OpenSSL looks for the issuer first.
        if is_only_an_authoritys(&error) && read.is_own_issuer() {
            return Err(unknown_issuer(true, false));
        }
        Err(distrust(error, read.is_own_issuer(), self_signed))
    }

    fn check_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        side: Side,
        now: i64,
    ) -> Result<(), rustls::Error> {
        let roots = self.roots_at(Some(now));
        let seconds = u64::try_from(now).unwrap_or(0);
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        match side {
            Side::Server => verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(certificate)?,
                &roots,
                intermediates,
                moment,
                self.algorithms.all,
            ),
            Side::Client if roots.is_empty() => Err(CertificateError::UnknownIssuer.into()),
            Side::Client => {
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                    .build()
                    .map_err(|error| rustls::Error::General(error.to_string()))?
                    .verify_client_cert(certificate, intermediates, moment)
                    .map(drop)
            }
        }
    }

    /// The authorities whose certificates have not run out; webpki does not look at the dates of those it starts from.
    fn roots_at(&self, now: Option<i64>) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            let current = now.is_none_or(|now| {
                Certificate::read(authority).is_none_or(|read| is_current(&read, now))
            });
            if current {
                // Collections of systems hold some that cannot be used.
                let _ = roots.add(authority.clone());
            }
        }
        roots
    }

    /// Such a certificate has no extensions, so there is nothing to look at but issuer, dates and signature.
    fn check_version_1(&self, certificate: &Certificate<'_>, now: i64) -> Result<(), Distrust> {
        if now < certificate.not_before {
            return Err(not_yet_valid());
        }
        if now > certificate.not_after {
            return Err(expired());
        }
        let issuers: Vec<_> = self
            .authorities
            .iter()
            .filter_map(|authority| Certificate::read(authority))
            .filter(|authority| authority.subject == certificate.issuer)
            .filter(|authority| {
                // An authority of version 1 could not say that it is one.
                let itself = authority.version == 1 && authority.is_own_issuer();
                authority.authority.unwrap_or(itself)
            })
            .collect();
        if issuers.is_empty() {
            return Err(unknown_issuer(certificate.is_own_issuer(), false));
        }
        if !issuers.iter().any(|issuer| is_current(issuer, now)) {
            return Err(expired());
        }
        let signed = issuers.iter().any(|issuer| {
            is_current(issuer, now)
                && self.algorithms.all.iter().any(|algorithm| {
                    algorithm.signature_alg_id().as_ref() == certificate.algorithm
                        && algorithm.public_key_alg_id().as_ref() == issuer.key_algorithm
                        && algorithm
                            .verify_signature(issuer.key, certificate.signed, certificate.signature)
                            .is_ok()
                })
        });
        if !signed {
            return Err(Distrust::new(
                7,
                "certificate signature failure",
                CertificateError::BadSignature,
            ));
        }
        Ok(())
    }
}

fn is_current(certificate: &Certificate<'_>, now: i64) -> bool {
    (certificate.not_before..=certificate.not_after).contains(&now)
}

/// Whether all that webpki has against a certificate is that it is an authority's.
fn is_only_an_authoritys(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(other))
        if format!("{:?}", other.0) == "CaUsedAsEndEntity")
}

fn not_yet_valid() -> Distrust {
    Distrust::new(
        9,
        "certificate is not yet valid",
        CertificateError::NotValidYet,
    )
}

fn expired() -> Distrust {
    Distrust::new(10, "certificate has expired", CertificateError::Expired)
}

fn unknown_issuer(is_self_signed: bool, chain_has_self_signed: bool) -> Distrust {
    let (number, text) = if is_self_signed {
        (18, "self-signed certificate")
    } else if chain_has_self_signed {
        (19, "self-signed certificate in certificate chain")
    } else {
        (20, "unable to get local issuer certificate")
    };
    Distrust::new(number, text, CertificateError::UnknownIssuer)
}

fn distrust(error: rustls::Error, is_self_signed: bool, chain_has_self_signed: bool) -> Distrust {
    use CertificateError as Error;
    let rustls::Error::InvalidCertificate(error) = error else {
        return Distrust {
            text: error.to_string(),
            error: Error::BadEncoding,
        };
    };
    match error {
        Error::Expired | Error::ExpiredContext { .. } => expired(),
        Error::NotValidYet | Error::NotValidYetContext { .. } => not_yet_valid(),
        Error::UnknownIssuer => unknown_issuer(is_self_signed, chain_has_self_signed),
        Error::BadSignature => Distrust::new(7, "certificate signature failure", error),
        Error::InvalidPurpose | Error::InvalidPurposeContext { .. } => {
            Distrust::new(26, "unsuitable certificate purpose", error)
        }
        other => Distrust {
            text: match &other {
                Error::Other(inner) => inner.to_string(),
                known => known.to_string(),
            },
            error: other,
        },
    }
}
