//! What `repo-azure-key` may be: a key in base64, or a shared access signature. No error shows any of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::http::percent_decode;

/// Whether it is a key of an account; the error is pgBackRest's.
///
/// # Errors
/// What is wrong with it.
pub fn check_key(key: &SecretString) -> Result<(), String> {
    key_bytes(key).map(drop)
}

/// Whether it is a shared access signature.
///
/// # Errors
/// What is wrong with it.
pub fn check_signature(signature: &SecretString) -> Result<(), String> {
    signature_query(signature).map(drop)
}

pub(super) fn key_bytes(key: &SecretString) -> Result<Vec<u8>, String> {
    let text = key.expose_secret().as_bytes();
    let size = text.len();
    if !size.is_multiple_of(4) {
        return Err(format!("base64 size {size} is not evenly divisible by 4"));
    }
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {}
            b'=' if at + 2 < size => {
                return Err("base64 '=' character may only appear in last two positions".to_owned());
            }
            b'=' if at + 2 == size && text[size - 1] != b'=' => {
                return Err("base64 last character must be '=' if second to last is".to_owned());
            }
            b'=' => {}
            _ => return Err(format!("base64 invalid character found at position {at}")),
        }
    }
    STANDARD
        .decode(text)
        .map_err(|_| "base64 has bits after its end".to_owned())
}

/// Keys and values of the query that a signature is.
pub(super) fn signature_query(
    signature: &SecretString,
) -> Result<Vec<(String, SecretString)>, String> {
    let text = signature.expose_secret().trim();
    let pairs: Option<Vec<(String, SecretString)>> = text
        .strip_prefix('?')
        .unwrap_or(text)
        .split('&')
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((percent_decode(key)?, percent_decode(value)?.into()))
        })
        .collect();
    pairs
        .filter(|pairs| pairs.iter().any(|(key, _)| key == "sig"))
        .ok_or_else(|| "a shared access signature is a query such as 'sv=…&sp=…&sig=…'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_access_signature_is_taken_apart() {
        for text in ["?sv=2020&sig=a%2Bb%3D&sp=rl", "sv=2020&sig=a+b=&sp=rl\n"] {
            let pairs = signature_query(&text.into()).unwrap();
            let shown: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{key}:{}", value.expose_secret()))
                .collect();
            assert_eq!(shown, ["sv:2020", "sig:a+b=", "sp:rl"]);
        }
        for text in ["", "secret", "sv=2020", "sig=a&secret", "sig=%x&secret"] {
            let error = check_signature(&text.into()).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_no_base64_is_told_as_by_pgbackrest() {
        assert_eq!(key_bytes(&"YXpLZXk=".into()).unwrap(), b"azKey");
        for (text, error) in [
            ("bogus", "base64 size 5 is not evenly divisible by 4"),
            ("ab.d", "base64 invalid character found at position 2"),
            (
                "a=aaaaaa",
                "base64 '=' character may only appear in last two positions",
            ),
            (
                "aa=a",
                "base64 last character must be '=' if second to last is",
            ),
            ("aab=", "base64 has bits after its end"),
        ] {
            assert_eq!(check_key(&text.into()).unwrap_err(), error, "{text}");
        }
    }
}
