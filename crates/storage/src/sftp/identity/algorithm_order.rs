//! In which order host key algorithms are offered: what is known of the host first.
//!
//! OpenSSH does the same. Without it a server that has several keys shows one that is not in known_hosts and looks
//! like an impostor.

use ssh_key::{Algorithm, EcdsaCurve, HashAlg};

/// Every host key algorithm we accept, best first. No SHA-1.
const ALL: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

/// What to offer in one handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostKeyOffer {
    pub(crate) keys: Vec<Algorithm>,
    /// For these also the certificate form, ahead of the bare keys.
    pub(crate) certificates: Vec<Algorithm>,
}

pub(super) fn same_kind(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// Every kind, strongest first.
pub(crate) fn all(legacy: bool) -> HostKeyOffer {
    order(&[], false, &[], legacy)
}

/// Puts the kinds in `known` first and leaves out those in `refused`.
pub(super) fn order(
    known: &[Algorithm],
    authorities: bool,
    refused: &[Algorithm],
    legacy: bool,
) -> HostKeyOffer {
    let is = |list: &[Algorithm], one: &Algorithm| list.iter().any(|other| same_kind(one, other));
    let mut all: Vec<Algorithm> = ALL.to_vec();
    if legacy {
        all.push(Algorithm::Rsa { hash: None });
    }
    let (mut keys, rest): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|one| !is(refused, one))
        .partition(|one| is(known, one));
    keys.extend(rest);
    let certificates = if authorities {
        ALL.iter()
            .filter(|one| !is(refused, one))
            .cloned()
            .collect()
    } else {
        Vec::new()
    };
    HostKeyOffer { keys, certificates }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_come_first_and_the_rest_stays_in_order() {
        let offer = order(&[Algorithm::Rsa { hash: None }], false, &[], false);
        assert_eq!(offer.keys[..2], ALL[4..]);
        assert_eq!(offer.keys[2..], ALL[..4]);
        assert!(offer.certificates.is_empty());
    }

    #[test]
    fn sha1_signatures_are_offered_only_on_request() {
        let sha1 = Algorithm::Rsa { hash: None };
        assert!(!order(&[], true, &[], false).keys.contains(&sha1));
        assert!(order(&[], true, &[], true).keys.contains(&sha1));
    }

    #[test]
    fn a_kind_that_was_refused_is_not_offered_again() {
        let offer = order(
            &[],
            false,
            &[Algorithm::Ed25519, Algorithm::Rsa { hash: None }],
            false,
        );
        assert_eq!(offer.keys, ALL[1..4]);
    }
}
