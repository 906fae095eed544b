//! Certificates and keys of this host: PEM files, who may read a key, and which key belongs to which certificate.
//!
//! What was read is a value ([`Identity`], authorities), so a server can keep what it has when a file has become unusable.
#![allow(clippy::disallowed_methods)] // certificates and keys are files of this host, no storage of ours

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret, SecretSlice};

use super::certificate::Certificate;
use super::names;
use super::trust::provider;
use crate::error::{Error, ErrorCode, Result, without_numbers};
use crate::run::context::User;

/// Longest file that is taken for certificates.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A certificate with its chain, and its key, as they stand in their files.
#[derive(Clone)]
pub struct Identity {
    certificate: Vec<u8>,
    key: SecretSlice<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Identity {
    /// Reads both files and checks that they can be used together.
    ///
    /// # Errors
    /// [`ErrorCode::Crypto`] for what cannot be read or does not fit, [`ErrorCode::FileRead`] for a key that others may read.
    pub fn load(certificate: &Path, key: &Path, user: &User) -> Result<Self> {
        let unable = |what, path: &Path, why: &dyn fmt::Display| {
            let path = path.display();
            Error::new(
                ErrorCode::Crypto,
                format!("unable to load {what} file '{path}': {why}"),
            )
        };
        let certificate_pem =
            read(certificate).map_err(|error| unable("cert", certificate, &error))?;
        let chain = chain(&certificate_pem).map_err(|why| unable("cert", certificate, &why))?;
        check_access("key", key, user)?;
        let key_pem = read(key).map_err(|error| unable("key", key, &error))?;
        private_key(&key_pem)
            .and_then(|read| fits(&chain, read))
            .map_err(|why| {
                unable("key", key, &why).with_hint(format!(
                    "the key must be a PEM file without a passphrase, and belong to the certificate in '{}'.",
                    certificate.display()
                ))
            })?;
        Ok(Self {
            certificate: certificate_pem,
            key: key_pem.into(),
        })
    }

    /// From what [`Identity::parts`] gave.
    #[must_use]
    pub fn from_parts(certificate: Vec<u8>, key: Vec<u8>) -> Self {
        Self {
            certificate,
            key: key.into(),
        }
    }

    /// Both files as they are, for a process that serves a connection.
    #[must_use]
    pub fn parts(&self) -> (&[u8], &[u8]) {
        (&self.certificate, self.key.expose_secret())
    }

    /// Whether the certificate is one of this host.
    pub(crate) fn is_for_host(&self, host: &str) -> bool {
        let chain = chain(&self.certificate).unwrap_or_default();
        let first = chain.first().and_then(|first| Certificate::read(first));
        first.is_some_and(|certificate| names::is_for_host(&certificate, host))
    }

    pub(super) fn certified_key(&self) -> std::result::Result<CertifiedKey, String> {
        fits(
            &chain(&self.certificate)?,
            private_key(self.key.expose_secret())?,
        )
    }
}

/// Certificates of authorities in a file, which must hold one at least.
///
/// # Errors
/// [`ErrorCode::Crypto`].
pub fn load_authorities(path: &Path) -> Result<Vec<u8>> {
    let unable = |why: &dyn fmt::Display| {
        let path = path.display();
        Error::new(
            ErrorCode::Crypto,
            format!("unable to load CA file '{path}': {why}"),
        )
    };
    let pem = read(path).map_err(|error| unable(&error))?;
    chain(&pem).map_err(|why| unable(&why))?;
    Ok(pem)
}

/// Authorities that a client trusts: those of a file or a directory of the user's, else those of the system.
///
/// # Errors
/// [`ErrorCode::Crypto`] for a file that cannot be used. What a directory lacks is missed where a certificate is verified.
pub fn load_trust(
    file: Option<&Path>,
    directory: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>> {
    if file.is_none() && directory.is_none() {
        return Ok(rustls_native_certs::load_native_certs().certs);
    }
    let mut authorities = Vec::new();
    if let Some(file) = file {
        let unable = |why: &dyn fmt::Display| {
            let file = file.display();
            let what = "unable to set user-defined CA certificate location";
            Error::new(ErrorCode::Crypto, format!("{what}: '{file}': {why}"))
        };
        let pem = read(file).map_err(|why| unable(&why))?;
        authorities.extend(chain(&pem).map_err(|why| unable(&why))?);
    }
    if let Some(directory) = directory {
        let found = rustls_native_certs::load_certs_from_paths(None, Some(directory));
        authorities.extend(found.certs);
    }
    Ok(authorities)
}

/// The certificates of a PEM file; at least one, and each of them readable.
pub(super) fn chain(pem: &[u8]) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        if Certificate::read(&certificate).is_none() {
            return Err(format!(
                "certificate {} in it cannot be read",
                chain.len() + 1
            ));
        }
        chain.push(certificate);
    }
    if chain.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(chain)
}

fn private_key(pem: &[u8]) -> std::result::Result<PrivateKeyDer<'static>, String> {
    if pem.windows(9).any(|word| word == b"ENCRYPTED" as &[u8]) {
        return Err("it is encrypted with a passphrase".to_owned());
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| "there is no private key in it".to_owned())
}

fn fits(
    chain: &[CertificateDer<'static>],
    key: PrivateKeyDer<'static>,
) -> std::result::Result<CertifiedKey, String> {
    let key = (provider().key_provider)
        .load_private_key(key)
        .map_err(|_| "its kind of key is not supported".to_owned())?;
    let read = chain.first().and_then(|first| Certificate::read(first));
    let fits = key
        .public_key()
        .zip(read)
        .is_none_or(|(public, read)| public.as_ref() == read.key_info);
    if !fits {
        return Err("key values mismatch".to_owned());
    }
    Ok(CertifiedKey::new(chain.to_vec(), key))
}

/// Refuses a key, or another secret, that others can read: as pgBackRest, at most 0600 for one of the user's own, 0640 for root's.
pub(crate) fn check_access(what: &str, path: &Path, user: &User) -> Result<()> {
    // What cannot be looked at cannot be loaded either, which is told then.
    let Ok(found) = std::fs::metadata(path) else {
        return Ok(());
    };
    let (owner, mode) = (found.uid(), found.mode() & 0o777);
    let (path, name) = (path.display(), &user.name);
    if owner != user.uid && owner != 0 {
        return Err(Error::new(
            ErrorCode::FileRead,
            format!("{what} file '{path}' must be owned by the '{name}' user or root"),
        ));
    }
    if (owner == user.uid && mode & 0o077 != 0) || (owner == 0 && mode & 0o037 != 0) {
        return Err(Error::new(
            ErrorCode::FileRead,
            format!("{what} file '{path}' has group or other permissions"),
        )
        .with_hint(format!(
            "file must have permissions u=rw (0600) or less if owned by the '{name}' user"
        ))
        .with_hint("file must have permissions u=rw, g=r (0640) or less if owned by root"));
    }
    Ok(())
}

/// A file of a sane size; the error is in the words of the operating system.
pub(crate) fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    let told = |error: io::Error| without_numbers(error.to_string());
    let length = std::fs::metadata(path).map_err(told)?.len();
    if length > LONGEST {
        return Err(format!("it has {length} bytes"));
    }
    std::fs::read(path).map_err(told)
}
