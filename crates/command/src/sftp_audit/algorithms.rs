//! Keys and algorithms that the server offers in clear at the start of the connection.
//!
//! Weak is what is broken or soon may be: SHA-1 and DSA signatures, small groups, CBC and RC4, MD5 and cut checksums.
//! HMAC with SHA-1 is old but not broken, and part of OpenSSH's own defaults, so it passes.

use pgkeep_storage::sftp::examine::{Handshake, HostKey, Offer};

use super::check::{CIPHERS, HOST_KEY_ALGORITHMS, HOST_KEYS, KEY_EXCHANGE, MACS};
use crate::report::check::Check;
use crate::report::finding::{Finding, Grade};

/// Shortest RSA key that is not reported.
const RSA_BITS: usize = 2048;

pub(super) fn examine(handshake: &Handshake) -> Vec<Finding> {
    let mut findings = vec![host_keys(&handshake.host_keys)];
    let Some(offer) = &handshake.offer else {
        findings.extend(Finding::untested(
            &[&HOST_KEY_ALGORITHMS, &KEY_EXCHANGE, &CIPHERS, &MACS],
            "the server's first packet was not understood",
        ));
        return findings;
    };
    let agreed = &handshake.agreed;
    findings.push(grade_offer(
        &HOST_KEY_ALGORITHMS,
        &offer.host_key,
        weak_signature,
        &agreed.host_key,
    ));
    findings.push(grade_offer(
        &KEY_EXCHANGE,
        &offer.key_exchange,
        weak_exchange,
        &agreed.key_exchange,
    ));
    findings.push(ciphers(offer, &agreed.cipher));
    let mac = if agreed.mac.is_empty() {
        "none, the cipher has its own check"
    } else {
        &agreed.mac
    };
    findings.push(grade_offer(&MACS, &offer.mac, weak_mac, mac));
    findings
}

fn host_keys(keys: &[HostKey]) -> Finding {
    let name = |key: &HostKey| format!("{} {} bits", key.algorithm, key.bits);
    let short = |key: &&HostKey| {
        (key.algorithm == "ssh-rsa" && key.bits < RSA_BITS) || key.algorithm == "ssh-dss"
    };
    let bad: Vec<String> = keys.iter().filter(short).map(name).collect();
    if bad.is_empty() {
        let all: Vec<String> = keys.iter().map(name).collect();
        Finding::new(&HOST_KEYS, Grade::Ok, all.join(", "))
    } else {
        Finding::new(
            &HOST_KEYS,
            Grade::Warn,
            format!("short: {}", bad.join(", ")),
        )
    }
}

fn grade_offer(
    check: &'static Check,
    offered: &[String],
    weak: fn(&str) -> bool,
    agreed: &str,
) -> Finding {
    let bad: Vec<&str> = offered
        .iter()
        .map(String::as_str)
        .filter(|name| weak(name))
        .collect();
    if bad.is_empty() {
        Finding::new(check, Grade::Ok, format!("used: {agreed}"))
    } else {
        Finding::new(check, Grade::Warn, format!("offers {}", bad.join(", ")))
    }
}

/// Old names, and the ciphers whose packets can be cut off unseen at the start of a connection with an old server.
fn ciphers(offer: &Offer, agreed: &str) -> Finding {
    let finding = grade_offer(&CIPHERS, &offer.cipher, weak_cipher, agreed);
    let cuttable = offer.cipher.iter().any(|name| name.contains("chacha20"));
    if finding.grade == Grade::Ok && cuttable && !offer.strict_key_exchange() {
        return Finding::new(
            &CIPHERS,
            Grade::Warn,
            "chacha20-poly1305 without strict key exchange (CVE-2023-48795): update the server",
        );
    }
    finding
}

fn weak_signature(name: &str) -> bool {
    name == "ssh-rsa" || name.starts_with("ssh-rsa-cert") || name.starts_with("ssh-dss")
}

fn weak_exchange(name: &str) -> bool {
    name.ends_with("-sha1") || name.contains("group1-")
}

fn weak_cipher(name: &str) -> bool {
    name.contains("-cbc") || name.contains("arcfour") || name.starts_with("3des") || name == "none"
}

fn weak_mac(name: &str) -> bool {
    name.contains("md5") || name.contains("-96") || name.contains("ripemd") || name == "none"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_openssh_are_not_weak_and_what_was_removed_from_them_is() {
        for name in [
            "curve25519-sha256",
            "diffie-hellman-group14-sha256",
            "diffie-hellman-group16-sha512",
            "ecdh-sha2-nistp256",
            "sntrup761x25519-sha512@openssh.com",
        ] {
            assert!(!weak_exchange(name), "{name}");
        }
        assert!(weak_exchange("diffie-hellman-group1-sha1"));
        assert!(weak_exchange("diffie-hellman-group-exchange-sha1"));
        for name in ["hmac-sha1", "umac-64-etm@openssh.com", "hmac-sha2-256"] {
            assert!(!weak_mac(name), "{name}");
        }
        assert!(weak_mac("hmac-md5-etm@openssh.com") && weak_mac("hmac-sha1-96"));
        assert!(weak_cipher("aes256-cbc") && !weak_cipher("aes256-ctr"));
        assert!(weak_signature("ssh-rsa") && !weak_signature("rsa-sha2-512"));
    }

    #[test]
    fn a_short_rsa_key_is_named() {
        let key = |bits| HostKey {
            algorithm: "ssh-rsa".into(),
            bits,
            fingerprint: String::new(),
        };
        assert_eq!(
            host_keys(&[key(1024), key(4096)]).seen,
            "short: ssh-rsa 1024 bits"
        );
        assert_eq!(host_keys(&[key(3072)]).grade, Grade::Ok);
    }
}
