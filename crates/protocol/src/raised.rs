//! An error that crosses from one host to the other: exit code, text, hints, and what the layers above add.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest text and longest hint that are sent.
const LONGEST_TEXT: usize = 16 * 1024;
const LONGEST_HINT: usize = 1024;
const MOST_HINTS: usize = 8;
/// Longest written form; with text and hints cut, only a detail can exceed it.
const LONGEST: usize = 60 * 1024;

/// What went wrong on the other host, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Raised {
    /// The exit code of the error; what it means is not known here.
    pub code: u8,
    pub text: String,
    /// Lines for `HINT:`, without that word.
    pub hints: Vec<String>,
    /// What the layer above needs to build its own error again, for example the kind of a storage error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

impl Raised {
    #[must_use]
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The same with a text that begins with `prefix`, for example `raised from remote-0 ssh protocol on 'host': `.
    #[must_use]
    pub fn prefixed(mut self, prefix: &str) -> Self {
        self.text.insert_str(0, prefix);
        self
    }

    /// The written form, which fits into one frame: long texts are cut.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut fitting = Self {
            code: self.code,
            text: cut(&self.text, LONGEST_TEXT),
            hints: (self.hints.iter().take(MOST_HINTS))
                .map(|hint| cut(hint, LONGEST_HINT))
                .collect(),
            detail: self.detail.clone(),
        };
        let mut bytes = serde_json::to_vec(&fitting).unwrap_or_default();
        if bytes.len() > LONGEST {
            fitting.detail = None;
            bytes = serde_json::to_vec(&fitting).unwrap_or_default();
        }
        if bytes.len() > LONGEST {
            // Control characters grow sixfold when they are written.
            fitting.text = cut(&fitting.text, LONGEST_TEXT / 8);
            fitting.hints.clear();
            bytes = serde_json::to_vec(&fitting).unwrap_or_default();
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// At most `most` bytes of a text.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    format!("{} [cut]", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_with_code_text_hints_and_detail() {
        let raised = Raised::new(50, "unable to acquire lock")
            .with_hint("is another process running?")
            .with_detail(serde_json::json!({"kind": "busy"}));
        assert_eq!(Raised::decode(&raised.encode()), Some(raised.clone()));
        assert_eq!(
            raised.prefixed("raised from remote-0: ").text,
            "raised from remote-0: unable to acquire lock"
        );
    }

    #[test]
    fn fields_of_a_later_release_are_ignored_and_missing_ones_are_empty() {
        let raised = Raised::decode(br#"{"text":"x","stack":[1]}"#).expect("it is understood");
        assert_eq!(raised, Raised::new(0, "x"));
    }

    #[test]
    fn whatever_it_says_it_fits_into_a_frame() {
        for text in ["ä".repeat(100_000), "\u{1}".repeat(100_000)] {
            let mut raised =
                Raised::new(1, text.clone()).with_detail(Value::String("y".repeat(100_000)));
            raised.hints = vec![text; 20];
            let bytes = raised.encode();
            assert!(bytes.len() <= 64 * 1024, "{} bytes", bytes.len());
            let back = Raised::decode(&bytes).expect("it is understood");
            assert!(back.text.ends_with("[cut]"));
        }
    }
}
