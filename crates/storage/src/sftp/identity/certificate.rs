//! Whether a host certificate is good for a host: who signed it, for whom, and when.

use ssh_key::certificate::CertType;
use ssh_key::{Algorithm, Certificate, HashAlg};

use super::fingerprint::describe;
use super::known_hosts::{Entry, Marker, glob};

/// `lines` are those of known_hosts for this host; `legacy`: signatures with SHA-1 are taken too. `Err` says why not.
pub(super) fn check(
    certificate: &Certificate,
    lines: &[&Entry],
    host: &str,
    legacy: bool,
) -> Result<(), String> {
    let authority = certificate.signature_key();
    let trusted = lines
        .iter()
        .any(|entry| entry.marker == Marker::CertAuthority && entry.key.key_data() == authority);
    if !trusted {
        return Err(format!(
            "it is signed by {}, which no @cert-authority line names for this host",
            describe(authority)
        ));
    }
    if certificate.cert_type() != CertType::Host {
        return Err("it is a user's certificate".into());
    }
    if matches!(
        certificate.signature().algorithm(),
        Algorithm::Rsa { hash: None }
    ) && !legacy
    {
        return Err("it is signed with SHA-1".into());
    }
    let principals = certificate.valid_principals();
    if principals.is_empty()
        || !principals
            .iter()
            .any(|one| glob(one.to_ascii_lowercase().as_bytes(), host.as_bytes()))
    {
        return Err(format!(
            "it is for {}, not for '{}'",
            if principals.is_empty() {
                "nobody".into()
            } else {
                principals.join(", ")
            },
            host
        ));
    }
    if certificate.critical_options().iter().next().is_some() {
        return Err("it has critical options that are not known".into());
    }
    certificate
        .validate([&authority.fingerprint(HashAlg::Sha256)])
        .map_err(|_| "it is not valid now, or its signature is wrong".into())
}
