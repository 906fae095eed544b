//! Annotations of a backup: what the format can hold, written and read.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::info_file::json::{JsonReader, write_string};

/// Key and value pairs that users attach to a backup; bytes, because nothing restricts them to UTF-8.
pub type Annotations = BTreeMap<Vec<u8>, Vec<u8>>;

/// Whether the format can hold an annotation of this key: no reader of it, ours or pgBackRest, takes escapes in keys.
#[must_use]
pub fn is_annotation_key(key: &[u8]) -> bool {
    !key.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'\n'))
}

/// Fails for annotations that could be written but not read again, which would make the whole file unreadable.
pub(crate) fn check_annotations(annotations: &Annotations) -> Result<()> {
    match annotations.keys().find(|key| !is_annotation_key(key)) {
        None => Ok(()),
        Some(key) => {
            let shown = String::from_utf8_lossy(key);
            Err(Error::format(format!(
                "annotation key '{shown}' cannot be represented"
            )))
        }
    }
}

/// Appends an annotation object, keys sorted and as they are ([`check_annotations`]).
pub(crate) fn write_annotations(out: &mut Vec<u8>, annotations: &Annotations) {
    out.push(b'{');
    for (at, (key, value)) in annotations.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(key);
        out.extend_from_slice(b"\":");
        write_string(out, value);
    }
    out.push(b'}');
}

/// Reads an annotation object.
pub(crate) fn read_annotations(json: &mut JsonReader<'_>) -> Result<Annotations> {
    let mut annotations = Annotations::new();
    json.begin_object()?;
    while let Some(key) = json.next_key()? {
        annotations.insert(key.to_vec(), json.read_string()?.into_owned());
    }
    Ok(annotations)
}
