//! When each backup and each directory of WAL was verified last, as it is written down between two runs.
//!
//! It lies on the host that verifies and not in the repository: whoever can damage a repository could else write there that it was
//! read yesterday, and an account that may only read or only add could write nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The form of the file; another one is of a later release.
const FORMAT: u32 = 1;

/// When something was verified.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Verified {
    /// Seconds since 1970; 0: never as a whole.
    pub at: i64,
    /// What it was: a checksum of the manifest, or of names, sizes, times and key of WAL.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// What runs have read of it since that were ended before they came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// When something of it was found damaged last by a run that did not come to its end; 0: never.
    #[serde(default, skip_serializing_if = "is_never")]
    pub tried: i64,
}

/// The beginning of something, found sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// When the first of these runs began, seconds since 1970.
    pub at: i64,
    /// How many of its files were passed, in their order.
    pub files: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_never(time: &i64) -> bool {
    *time == 0
}

/// By path below the repository.
pub(super) type Entries = BTreeMap<String, Verified>;

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: u32,
    /// Where the repository is: the same number may name another one later.
    repository: String,
    verified: Entries,
}

/// What was written down for `repository`.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn parse(bytes: &[u8], repository: &str) -> Result<Entries, String> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|_| "it is damaged".to_owned())?;
    if document.format != FORMAT {
        return Err(format!("its form is {} and not {FORMAT}", document.format));
    }
    if document.repository != repository {
        return Err(format!("it is of repository {}", document.repository));
    }
    Ok(document.verified)
}

pub(super) fn render(repository: &str, verified: Entries) -> Vec<u8> {
    let document = Document {
        format: FORMAT,
        repository: repository.to_owned(),
        verified,
    };
    serde_json::to_vec(&document).expect("strings and numbers always make a document")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_all_else_refused() {
        let one = Verified {
            at: 7,
            ..Verified::default()
        };
        let entries: Entries = [("backup/a".to_owned(), one)].into();
        let bytes = render("/repo of 7", entries.clone());
        assert_eq!(parse(&bytes, "/repo of 7").unwrap(), entries);
        assert!(
            parse(&bytes, "/repo of 8")
                .unwrap_err()
                .contains("/repo of 7")
        );
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end], "/repo of 7").is_err(), "{end}");
        }
        let later = String::from_utf8(bytes)
            .unwrap()
            .replace("\"format\":1", "\"format\":2");
        assert!(
            parse(later.as_bytes(), "/repo of 7")
                .unwrap_err()
                .contains('2')
        );
    }
}
