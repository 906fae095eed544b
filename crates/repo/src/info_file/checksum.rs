//! The checksum that closes an info file (`docs/format/info-files.md`).
//!
//! SHA-1 over the entries written as one JSON object, values by their raw text, so that no re-serialisation can change
//! it. A new group opens whenever the section differs from that of the entry before.

use pgkeep_pipeline::Sha1;

use super::json;

/// Collects entries in file order.
pub(super) struct InfoChecksum {
    hash: Sha1,
    section: Option<Vec<u8>>,
    key: Vec<u8>,
}

impl InfoChecksum {
    pub(super) fn new() -> Self {
        let mut hash = Sha1::new();
        hash.update(b"{");
        Self {
            hash,
            section: None,
            key: Vec::new(),
        }
    }

    /// Adds one entry; `value` is the raw text right of the `=`.
    pub(super) fn add(&mut self, section: &[u8], key: &[u8], value: &[u8]) {
        if self.section.as_deref() == Some(section) {
            self.hash.update(b",");
        } else {
            self.hash.update(if self.section.is_some() {
                b"},\""
            } else {
                b"\""
            });
            self.hash.update(section);
            self.hash.update(b"\":{");
            self.section = Some(section.to_vec());
        }
        self.key.clear();
        json::write_string(&mut self.key, key);
        self.hash.update(&self.key);
        self.hash.update(b":");
        self.hash.update(value);
    }

    /// The checksum, 40 lower-case digits.
    pub(super) fn finish(mut self) -> String {
        self.hash.update(b"}}");
        self.hash.finish().to_string()
    }
}
