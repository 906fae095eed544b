//! JSON as pgBackRest writes it: no white space, keys ascending, few escapes.

use std::collections::BTreeMap;

use crate::report::json_string::write_string;

/// A JSON value; texts are bytes, as labels and annotations need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Text(Vec<u8>),
    List(Vec<Json>),
    Object(BTreeMap<Vec<u8>, Json>),
}

impl Json {
    pub(super) fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().to_vec())
    }

    pub(super) fn text_or_null(text: Option<impl AsRef<[u8]>>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// An object of these pairs.
    pub(super) fn object<const N: usize>(pairs: [(&str, Json); N]) -> Self {
        Self::Object(
            pairs
                .into_iter()
                .map(|(key, value)| (key.as_bytes().to_vec(), value))
                .collect(),
        )
    }

    /// Adds a pair to an object.
    ///
    /// # Panics
    /// When this is not an object: callers add only to what they made as one.
    pub(super) fn put(&mut self, key: &str, value: Json) {
        let Self::Object(pairs) = self else {
            unreachable!("only objects are added to")
        };
        pairs.insert(key.as_bytes().to_vec(), value);
    }

    pub(super) fn render(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Number(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Text(text) => write_string(out, text),
            Self::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Self::Object(pairs) => {
                out.push(b'{');
                for (at, (key, value)) in pairs.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_string(out, key);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}
