//! Names in certificates: whether a server's is the one that was wanted, and by which name a client is known.
//!
//! The rules are pgBackRest's: names of hosts are compared without regard to case, a leading `*.` stands for one label, and the
//! common name counts only where there are no alternative names.

use std::net::IpAddr;

use super::certificate::{AlternativeName, Certificate};

/// Whether the certificate is one of this host (a name or an address, as the user wrote it).
pub(super) fn is_for_host(certificate: &Certificate<'_>, host: &str) -> bool {
    if certificate.alternative_names.is_empty() {
        return certificate
            .common_name
            .is_some_and(|name| is_name_of(name, host));
    }
    certificate.alternative_names.iter().any(|name| match name {
        AlternativeName::Dns(name) => is_name_of(name, host),
        AlternativeName::Address(address) => is_address_of(address, host),
        AlternativeName::Uri(_) | AlternativeName::Other => false,
    })
}

fn is_name_of(name: &[u8], host: &str) -> bool {
    let host = host.as_bytes();
    // A name with a NUL was made to be read as another one.
    if name.is_empty() || name.contains(&0) {
        return false;
    }
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(domain) = name.strip_prefix(b"*").filter(|rest| rest.len() > 1) else {
        return false;
    };
    let label = host.len().saturating_sub(domain.len());
    domain.starts_with(b".")
        && label > 0
        && host[label..].eq_ignore_ascii_case(domain)
        && !host[..label].contains(&b'.')
}

fn is_address_of(address: &[u8], host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(host)) => address == host.octets(),
        Ok(IpAddr::V6(host)) => address == host.octets(),
        Err(_) => false,
    }
}

/// The names by which a client is known: its common name; only where it has none, the host names and URIs for which its
/// certificate is. So whoever has a common name is never somebody else by another name.
pub(super) fn of_client(certificate: &Certificate<'_>) -> Vec<String> {
    if let Some(name) = certificate.common_name {
        return readable(name).into_iter().collect();
    }
    certificate
        .alternative_names
        .iter()
        .filter_map(|name| match name {
            AlternativeName::Dns(name) | AlternativeName::Uri(name) => readable(name),
            AlternativeName::Address(_) | AlternativeName::Other => None,
        })
        .collect()
}

/// A name that can be compared with what a user wrote.
fn readable(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?;
    let sane = !text.is_empty() && !text.chars().any(char::is_control);
    sane.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_name_in_any_case_and_one_label_for_a_star() {
        for (name, host, same) in [
            ("repo1", "repo1", true),
            ("Repo1.Example.com", "repo1.example.COM", true),
            ("repo1", "repo2", false),
            ("*.example.com", "repo1.example.com", true),
            ("*.example.com", "a.repo1.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.", "repo1.", false),
            ("*", "repo1", false),
            ("r*.example.com", "repo1.example.com", false),
            ("*.*.com", "a.b.com", false),
            ("", "", false),
            ("repo1\0.evil.com", "repo1\0.evil.com", false),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(is_name_of(name.as_bytes(), host), same, "{name} {host}");
        }
    }

    #[test]
    fn an_address_is_compared_as_one() {
        assert!(is_address_of(&[127, 0, 0, 1], "127.0.0.1"));
        assert!(!is_address_of(&[127, 0, 0, 2], "127.0.0.1"));
        let mut six = [0; 16];
        six[15] = 1;
        assert!(is_address_of(&six, "0:0::1"));
        assert!(!is_address_of(&six, "localhost"));
    }
}
