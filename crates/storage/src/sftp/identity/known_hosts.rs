//! known_hosts files: hashed names, `[host]:port`, wildcards, negation, `@cert-authority` and `@revoked`.
//!
//! A line that cannot be read is skipped with a detail message, as OpenSSH does; it never makes a host trusted.
#![allow(clippy::disallowed_methods)] // the only place that reads known_hosts

use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    None,
    CertAuthority,
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Patterns(Vec<String>),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// One usable line.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    pub(super) marker: Marker,
    hosts: Hosts,
    pub(super) key: PublicKey,
}

/// All lines of all files, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownHosts {
    pub(super) entries: Vec<Entry>,
    /// Files looked at, with the reason where one could not be read.
    pub(super) files: Vec<(PathBuf, Option<String>)>,
}

impl KnownHosts {
    pub(super) fn load(files: &[PathBuf]) -> Self {
        let mut known = Self::default();
        for file in files {
            match std::fs::read(file) {
                Ok(text) => {
                    known.add(file, &String::from_utf8_lossy(&text));
                    known.files.push((file.clone(), None));
                }
                Err(error) => {
                    log::debug!(target: "detail", "unable to read known hosts file '{}': {error}",
                        file.display()
                    );
                    let missing = error.kind() == std::io::ErrorKind::NotFound;
                    known.files.push((
                        file.clone(),
                        Some(if missing {
                            "missing".into()
                        } else {
                            error.to_string()
                        }),
                    ));
                }
            }
        }
        known
    }

    pub(super) fn add(&mut self, file: &Path, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse(line) {
                Some((marker, hosts, key)) => {
                    self.entries.push(Entry {
                        file: file.to_owned(),
                        line: index + 1,
                        marker,
                        hosts,
                        key,
                    });
                }
                None => log::debug!(
                    "line {} of known hosts file '{}' is not understood",
                    index + 1,
                    file.display()
                ),
            }
        }
    }

    /// Lines whose host field matches `name` (`host` or `[host]:port`).
    pub(super) fn matching<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Entry> {
        let name = name.to_ascii_lowercase();
        self.entries
            .iter()
            .filter(move |entry| entry.hosts.matches(&name))
    }

    /// `'a', 'b' (missing)` for messages.
    pub(super) fn looked_in(&self) -> String {
        let names: Vec<String> = self
            .files
            .iter()
            .map(|(file, why)| match why {
                None => format!("'{}'", file.display()),
                Some(why) => format!("'{}' ({why})", file.display()),
            })
            .collect();
        if names.is_empty() {
            "no file".into()
        } else {
            names.join(", ")
        }
    }
}

fn parse(line: &str) -> Option<(Marker, Hosts, PublicKey)> {
    let mut fields = line.split_ascii_whitespace();
    let mut first = fields.next()?;
    let marker = match first {
        "@cert-authority" => Marker::CertAuthority,
        "@revoked" => Marker::Revoked,
        other if other.starts_with('@') => return None,
        _ => Marker::None,
    };
    if marker != Marker::None {
        first = fields.next()?;
    }
    let kind = fields.next()?;
    let blob = fields.next()?;
    let key = PublicKey::from_openssh(&format!("{kind} {blob}")).ok()?;
    let hosts = match first.strip_prefix("|1|") {
        Some(hashed) => {
            let (salt, hash) = hashed.split_once('|')?;
            let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
            Hosts::Hashed {
                salt: decode(salt)?,
                hash: decode(hash)?,
            }
        }
        None => Hosts::Patterns(
            first
                .split(',')
                .filter(|part| !part.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        ),
    };
    Some((marker, hosts, key))
}

impl Hosts {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, name.as_bytes(), hash).is_ok()
            }
            Self::Patterns(patterns) => {
                let mut found = false;
                for pattern in patterns {
                    match pattern.strip_prefix('!') {
                        Some(pattern) if glob(pattern.as_bytes(), name.as_bytes()) => return false,
                        Some(_) => {}
                        None => found |= glob(pattern.as_bytes(), name.as_bytes()),
                    }
                }
                found
            }
        }
    }
}

/// Matches `*` and `?` the way OpenSSH does. Linear in memory, quadratic at worst in time.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star;
                    t = from + 1;
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// `ED25519`, `RSA` …: how OpenSSH names a key's kind in messages.
pub(super) fn kind_name(key: &KeyData) -> String {
    match key.algorithm() {
        ssh_key::Algorithm::Ed25519 => "ED25519".into(),
        ssh_key::Algorithm::Ecdsa { .. } => "ECDSA".into(),
        ssh_key::Algorithm::Rsa { .. } => "RSA".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";

    fn lines(text: &str) -> KnownHosts {
        let mut known = KnownHosts::default();
        known.add(Path::new("test"), text);
        known
    }

    fn found(known: &KnownHosts, name: &str) -> Vec<usize> {
        known.matching(name).map(|entry| entry.line).collect()
    }

    #[test]
    fn names_ports_wildcards_and_negation_match_as_in_openssh() {
        let known = lines(&format!(
            "# comment\nhost.example.org,192.0.2.1 {KEY} c o m\n[host.example.org]:2222 {KEY}\n*.example.org,!bad.example.org\t{KEY}\n@revoked * {KEY}\n@cert-authority *.net {KEY}\n@unknown * {KEY}\nbroken line\n",
        ));
        assert_eq!(found(&known, "HOST.example.org"), [2, 4, 5]);
        assert_eq!(found(&known, "[host.example.org]:2222"), [3, 5]);
        assert_eq!(found(&known, "bad.example.org"), [5]);
        assert_eq!(found(&known, "192.0.2.1"), [2, 5]);
        assert_eq!(found(&known, "a.net"), [5, 6]);
    }

    #[test]
    fn hashed_names_are_found_with_and_without_port() {
        // Made with: ssh-keygen -H
        let hash = |name: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"0123456789abcdefghij");
            let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
            format!(
                "|1|{}|{}",
                encode(b"0123456789abcdefghij"),
                encode(hmac::sign(&key, name.as_bytes()).as_ref())
            )
        };
        let known = lines(&format!(
            "{} {KEY}\n{} {KEY}\n",
            hash("host"),
            hash("[host]:2222")
        ));
        assert_eq!(found(&known, "host"), [1]);
        assert_eq!(found(&known, "[host]:2222"), [2]);
        assert!(found(&known, "other").is_empty());
    }

    #[test]
    fn glob_knows_star_and_question_mark() {
        for (pattern, text, expect) in [
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZd", false),
            ("h?st", "host", true),
            ("h?st", "hst", false),
            ("host", "hosts", false),
        ] {
            assert_eq!(
                glob(pattern.as_bytes(), text.as_bytes()),
                expect,
                "{pattern} {text}"
            );
        }
    }
}
