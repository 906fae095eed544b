//! Which cipher suites may be used: OpenSSL's names, as `tls-cipher-12` and `tls-cipher-13` have them.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, SupportedCipherSuite};

use super::trust::provider;
use crate::error::{Error, ErrorCode, Result};

/// Lists of cipher suites; nothing: those of the library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ciphers {
    pub tls12: Option<String>,
    pub tls13: Option<String>,
}

/// Suites of TLS 1.2 by the names that OpenSSL gives them; those of 1.3 have the same name everywhere.
const NAMES_12: &[(&str, CipherSuite)] = &[
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

const NAMES_13: &[(&str, CipherSuite)] = &[
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
];

impl Ciphers {
    /// Fails for a list that names nothing there is.
    ///
    /// # Errors
    /// [`ErrorCode::Crypto`].
    pub fn check(&self) -> Result<()> {
        self.provider().map(drop)
    }

    /// The cryptography with these suites, in this order.
    pub(super) fn provider(&self) -> Result<Arc<CryptoProvider>> {
        if *self == Self::default() {
            return Ok(provider());
        }
        let mut provider = (*provider()).clone();
        let all = provider.cipher_suites.clone();
        let is_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        let ours = |list: &Option<String>, known, tls13: bool| match list {
            Some(list) => chosen(&all, list, known, tls13),
            None => Ok(all
                .iter()
                .filter(|suite| is_13(suite) == tls13)
                .copied()
                .collect()),
        };
        let mut suites = ours(&self.tls13, NAMES_13, true)?;
        suites.extend(ours(&self.tls12, NAMES_12, false)?);
        provider.cipher_suites = suites;
        Ok(Arc::new(provider))
    }
}

fn chosen(
    all: &[SupportedCipherSuite],
    list: &str,
    known: &[(&str, CipherSuite)],
    tls13: bool,
) -> Result<Vec<SupportedCipherSuite>> {
    let words: Vec<&str> = list
        .split([':', ',', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    let find = |word: &&str| {
        let (_, id) = known.iter().find(|(name, _)| name == word)?;
        all.iter().find(|suite| suite.suite() == *id).copied()
    };
    let found: Vec<_> = words.iter().filter_map(find).collect();
    // As OpenSSL: in a list for 1.3 every name must be one, in one for 1.2 the others are left out.
    if found.is_empty() || (tls13 && found.len() < words.len()) {
        let version = if tls13 { "1.3" } else { "1.2" };
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        return Err(Error::new(
            ErrorCode::Crypto,
            format!("unable to set TLSv{version} ciphers: '{list}' has no cipher match"),
        )
        .with_hint(format!("the ciphers there are: {}", names.join(", "))));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites(tls12: Option<&str>, tls13: Option<&str>) -> Result<Vec<CipherSuite>> {
        let ciphers = Ciphers {
            tls12: tls12.map(str::to_owned),
            tls13: tls13.map(str::to_owned),
        };
        let provider = ciphers.provider()?;
        Ok(provider
            .cipher_suites
            .iter()
            .map(SupportedCipherSuite::suite)
            .collect())
    }

    #[test]
    fn a_list_chooses_suites_of_its_version_alone() {
        let all = suites(None, None).unwrap();
        assert_eq!(all.len(), NAMES_12.len() + NAMES_13.len());
        let one = suites(None, Some("TLS_AES_128_GCM_SHA256")).unwrap();
        assert_eq!(one[0], CipherSuite::TLS13_AES_128_GCM_SHA256);
        assert_eq!(one.len(), 1 + NAMES_12.len());
        let other = suites(Some("HIGH:ECDHE-RSA-AES256-GCM-SHA384"), None).unwrap();
        assert_eq!(other.len(), NAMES_13.len() + 1);
    }

    #[test]
    fn a_list_that_names_nothing_is_refused_with_what_there_is() {
        for (tls12, tls13) in [
            (Some("HIGH:!aNULL"), None),
            (None, Some("TLS_AES_128_GCM_SHA256:TLS_X")),
            (None, Some(" ")),
        ] {
            let error = suites(tls12, tls13).unwrap_err();
            assert_eq!(error.code, ErrorCode::Crypto);
            assert!(error.message.ends_with("has no cipher match"), "{error}");
            assert!(error.hints[0].contains("AES"), "{error}");
        }
    }
}
