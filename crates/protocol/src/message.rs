//! The written form of values: JSON, in which unknown fields are ignored and missing ones may have defaults.
//!
//! Errors name the type and the place, never the text: a message may hold a passphrase.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

pub(crate) fn encode<T: Serialize>(value: &T, longest: u32) -> Result<Vec<u8>> {
    let refused = |why: String| {
        let name = short_name::<T>();
        Error::new(
            ErrorKind::Unsendable,
            format!("unable to send {name} to the other host: {why}"),
        )
    };
    let bytes =
        serde_json::to_vec(value).map_err(|_| refused("it has no written form".to_owned()))?;
    if bytes.len() > longest as usize {
        let length = bytes.len();
        return Err(refused(format!(
            "it has {length} bytes, the other host takes {longest}"
        )));
    }
    Ok(bytes)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        let name = short_name::<T>();
        let what = match error.classify() {
            serde_json::error::Category::Data => "it has other fields",
            _ => "it is no JSON",
        };
        let (line, column) = (error.line(), error.column());
        Error::violation(format!(
            "a message is no {name}: {what} (line {line}, column {column})"
        ))
    })
}

/// `Option<crate::a::B>` → `B>`: enough to find the type.
fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Default)]
    #[serde(default)]
    struct Ask {
        path: String,
        limit: Option<u64>,
    }

    #[test]
    fn what_a_later_release_adds_is_ignored_and_what_an_earlier_lacks_has_its_default() {
        let ask: Ask = decode(br#"{"path":"x","sparse":{"a":[1,2]}}"#).expect("understood");
        assert_eq!(
            ask,
            Ask {
                path: "x".to_owned(),
                limit: None
            }
        );
    }

    #[test]
    fn an_error_does_not_show_what_was_sent() {
        let error = decode::<Ask>(br#"{"limit":"my secret"}"#).expect_err("no number");
        assert_eq!(error.kind(), ErrorKind::Violation);
        let text = error.to_string();
        assert!(
            text.contains("no Ask") && !text.contains("secret"),
            "{text}"
        );
    }

    #[test]
    fn a_value_that_is_too_long_is_not_sent() {
        let error = encode(&"x".repeat(2000), 1999).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::Unsendable);
        assert!(error.to_string().contains("2002 bytes"), "{error}");
    }
}
