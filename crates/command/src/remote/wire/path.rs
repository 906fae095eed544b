//! Names as they cross: bytes, which are text nearly always.
//!
//! A name that is UTF-8 is a string. Another one is `{"base64": "…"}`, so none is ever forced through UTF-8.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgkeep_storage::StoragePath;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorCode, Result};

/// Bytes of a name or of the destination of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WireBytes(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Escaped {
    base64: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Escaped(Escaped),
}

impl Serialize for WireBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let base64 = STANDARD.encode(&self.0);
                Escaped { base64 }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for WireBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(text.into_bytes())),
            Form::Escaped(Escaped { base64 }) => {
                let bytes = STANDARD.decode(base64);
                bytes.map(Self).map_err(|_| D::Error::custom("no base64"))
            }
        }
    }
}

impl From<&StoragePath> for WireBytes {
    fn from(path: &StoragePath) -> Self {
        Self(path.as_bytes().to_vec())
    }
}

impl WireBytes {
    /// The path below the root of a storage.
    ///
    /// # Errors
    /// [`ErrorCode::Protocol`] for a path that leads out of it, or that no file system has.
    pub fn path(&self) -> Result<StoragePath> {
        let wrong = self.0.contains(&0)
            || self
                .0
                .split(|byte| *byte == b'/')
                .any(|part| part == b".." || part == b".");
        if wrong {
            let shown = String::from_utf8_lossy(&self.0).escape_debug().to_string();
            return Err(Error::new(
                ErrorCode::Protocol,
                format!("'{shown}' is no path inside of a storage"),
            ));
        }
        Ok(StoragePath::new(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_utf8_keeps_its_bytes() {
        for (name, written) in [
            (&b"base/5/1255"[..], r#""base/5/1255""#),
            ("gr\u{fc}n \"x\"".as_bytes(), "\"gr\u{fc}n \\\"x\\\"\""),
            (b"not\xffutf\xfe8", r#"{"base64":"bm90/3V0Zv44"}"#),
            (b"", r#""""#),
        ] {
            let bytes = WireBytes(name.to_vec());
            assert_eq!(serde_json::to_string(&bytes).unwrap(), written);
            assert_eq!(serde_json::from_str::<WireBytes>(written).unwrap(), bytes);
        }
        assert!(serde_json::from_str::<WireBytes>(r#"{"base64":"?"}"#).is_err());
        assert!(serde_json::from_str::<WireBytes>("7").is_err());
    }

    #[test]
    fn no_path_leads_out_of_the_storage() {
        for bad in [&b".."[..], b"a/../b", b"../a", b"a/..", b"a\0b", b"./a"] {
            let error = WireBytes(bad.to_vec()).path().unwrap_err();
            assert_eq!(error.code, ErrorCode::Protocol, "{error}");
        }
        for good in [&b""[..], b"a", b"/a/b..c", b"...", b"a/.hidden"] {
            let path = WireBytes(good.to_vec()).path().unwrap();
            assert_eq!(path, StoragePath::new(good));
        }
    }
}
