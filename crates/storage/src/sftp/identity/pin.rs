//! Fingerprints written into the configuration, in every form people have them in.
//!
//! Hex with or without colons (MD5, SHA-1 or SHA-256 by the hash type, else by length), `SHA256:base64` and
//! `MD5:aa:bb:…` as `ssh-keygen -l` prints them. Comparison is of decoded bytes.

use aws_lc_rs::digest;
use base64::Engine as _;

use crate::sftp::settings::HashType;

/// One accepted fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    hash: HashType,
    digest: Vec<u8>,
}

impl Pin {
    /// Reads a fingerprint; `Err` says what is wrong with it.
    pub(super) fn parse(text: &str, hash_type: Option<HashType>) -> Result<Self, String> {
        let text = text.trim();
        let (hash, digest) = if let Some(base64) = text.strip_prefix("SHA256:") {
            let digest = base64::engine::general_purpose::STANDARD_NO_PAD
                .decode(base64.trim_end_matches('='))
                .map_err(|_| format!("'{text}' is not base64 behind 'SHA256:'"))?;
            (HashType::Sha256, digest)
        } else {
            let (hash, hex) = match text.strip_prefix("MD5:") {
                Some(hex) => (Some(HashType::Md5), hex),
                None => (hash_type, text),
            };
            let digest = unhex(hex)
                .ok_or_else(|| format!("'{text}' is neither hex nor 'SHA256:' and base64"))?;
            let by_length = match digest.len() {
                16 => HashType::Md5,
                20 => HashType::Sha1,
                _ => HashType::Sha256,
            };
            (hash.unwrap_or(by_length), digest)
        };
        let expect = match hash {
            HashType::Md5 => 16,
            HashType::Sha1 => 20,
            HashType::Sha256 => 32,
        };
        if digest.len() == expect {
            Ok(Self { hash, digest })
        } else {
            Err(format!(
                "'{text}' has {} bytes where {} has {expect}",
                digest.len(),
                hash.name()
            ))
        }
    }

    /// Keys can be made to fit MD5 and SHA-1.
    pub(super) fn is_strong(&self) -> bool {
        self.hash == HashType::Sha256
    }

    pub(super) fn matches(&self, key_blob: &[u8]) -> bool {
        hash(self.hash, key_blob) == self.digest
    }
}

fn hash(kind: HashType, bytes: &[u8]) -> Vec<u8> {
    match kind {
        HashType::Md5 => md5::compute(bytes).0.to_vec(),
        HashType::Sha1 => digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
            .as_ref()
            .to_vec(),
        HashType::Sha256 => digest::digest(&digest::SHA256, bytes).as_ref().to_vec(),
    }
}

/// Lower-case hex without colons, as pgBackRest compares it.
pub(super) fn hex(kind: HashType, key_blob: &[u8]) -> String {
    hash(kind, key_blob)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `SHA256:base64`, as OpenSSH prints it.
pub(super) fn openssh(key_blob: &[u8]) -> String {
    let digest = hash(HashType::Sha256, key_blob);
    format!(
        "SHA256:{}",
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest)
    )
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|&c| c != b':').collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_fingerprint_is_the_same_pin() {
        let key = b"some key";
        for kind in [HashType::Md5, HashType::Sha1, HashType::Sha256] {
            let plain = hex(kind, key);
            let colons: Vec<&str> = plain
                .as_bytes()
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).unwrap())
                .collect();
            for text in [plain.clone(), plain.to_uppercase(), colons.join(":")] {
                assert!(
                    Pin::parse(&text, Some(kind)).unwrap().matches(key),
                    "{text}"
                );
                assert!(Pin::parse(&text, None).unwrap().matches(key), "{text}");
            }
            assert!(!Pin::parse(&plain, None).unwrap().matches(b"other key"));
        }
        assert!(
            Pin::parse(&openssh(key), Some(HashType::Md5))
                .unwrap()
                .matches(key)
        );
        assert!(
            Pin::parse(&format!("MD5:{}", hex(HashType::Md5, key)), None)
                .unwrap()
                .matches(key)
        );
    }

    #[test]
    fn what_is_not_a_fingerprint_is_refused_with_the_reason() {
        for text in ["", "xyz", "abc", "SHA256:!!", "SHA256:AAAA", "é"] {
            assert!(Pin::parse(text, None).is_err(), "{text}");
        }
        assert!(
            Pin::parse("00ff", Some(HashType::Sha1))
                .unwrap_err()
                .contains("has 2 bytes where sha1 has 20")
        );
    }
}
