//! Names of files in the archive (`docs/format/wal-archive.md`): WAL segments with their checksum, partials, and what is stored plainly.
//!
//! Only names are examined here, nothing is opened. `[0-F]` of pgBackRest's expressions means upper-case hexadecimal
//! for WAL names and lower-case for checksums.

use std::fmt;

/// Extensions a stored segment may have; `xz` was announced once and is still accepted in names.
const EXTENSIONS: [&str; 6] = ["", ".gz", ".lz4", ".zst", ".xz", ".bz2"];

fn is_upper_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

/// The directory of a file whose name begins with 24 hexadecimal digits: its first 16 characters.
#[must_use]
pub fn wal_directory(name: &str) -> Option<&str> {
    name.get(..24)
        .filter(|segment| is_upper_hex(segment))
        .map(|segment| &segment[..16])
}

/// Whether `name` is a directory of WAL: 16 upper-case hexadecimal digits.
#[must_use]
pub fn is_wal_directory(name: &str) -> bool {
    name.len() == 16 && is_upper_hex(name)
}

/// The timeline of a stored history file (`00000002.history`): its first eight characters.
#[must_use]
pub fn history_timeline(name: &str) -> Option<&str> {
    name.strip_suffix(".history")
        .filter(|timeline| timeline.len() == 8 && is_upper_hex(timeline))
}

/// A segment as it is named in the archive: `<24 hex>[.partial]-<sha1><extension>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredSegment {
    /// 24 characters, with `.partial` if the segment never filled.
    pub name: String,
    /// SHA-1 of the plain segment, 40 lower-case digits.
    pub checksum: String,
    /// `.gz`, … or empty.
    pub extension: String,
}

impl StoredSegment {
    /// Parses a name in a WAL directory; `None` for `.backup` files and whatever else lies there.
    #[must_use]
    pub fn parse(file: &str) -> Option<Self> {
        let (name, rest) = file.split_once('-')?;
        let segment = name.strip_suffix(".partial").unwrap_or(name);
        if segment.len() != 24 || !is_upper_hex(segment) {
            return None;
        }
        let checksum = rest.get(..40)?;
        let extension = &rest[40..];
        let hex = checksum
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (hex && EXTENSIONS.contains(&extension)).then(|| Self {
            name: name.to_owned(),
            checksum: checksum.to_owned(),
            extension: extension.to_owned(),
        })
    }

    /// The 24 characters of the segment.
    #[must_use]
    pub fn segment(&self) -> &str {
        &self.name[..24]
    }

    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.name.len() > 24
    }
}

impl fmt::Display for StoredSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{}", self.name, self.checksum, self.extension)
    }
}

/// All stored files of the segment `name` (24 characters, or with `.partial`) in a listing of its directory, sorted.
///
/// More than one is a duplicate: archive-duplicate for readers that need one. `archive-get` complains only when the
/// checksums differ ([`same_checksum`]).
pub fn find_segment<'a>(
    name: &str,
    listing: impl IntoIterator<Item = &'a str>,
) -> Vec<StoredSegment> {
    let mut found: Vec<_> = listing
        .into_iter()
        .filter_map(StoredSegment::parse)
        .filter(|stored| stored.name == name)
        .collect();
    found.sort();
    found
}

/// Whether all files hold the same segment.
#[must_use]
pub fn same_checksum(found: &[StoredSegment]) -> bool {
    found
        .windows(2)
        .all(|pair| pair[0].checksum == pair[1].checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

    #[test]
    fn stored_segments_are_taken_apart_and_put_together() {
        for name in [
            format!("0000000100000000000000A1-{SHA1}.gz"),
            format!("0000000100000000000000A1-{SHA1}"),
            format!("0000000100000000000000A1.partial-{SHA1}.zst"),
        ] {
            assert_eq!(StoredSegment::parse(&name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_names_are_no_stored_segments() {
        for name in [
            "0000000100000000000000A1.00000028.backup".to_owned(),
            format!("0000000100000000000000a1-{SHA1}"),
            format!("0000000100000000000000A1-{SHA1}.rar"),
            format!("0000000100000000000000A1-{}", SHA1.to_uppercase()),
            "0000000100000000000000A1-é".to_owned(),
            "00000002.history".to_owned(),
        ] {
            assert_eq!(StoredSegment::parse(&name), None, "{name}");
        }
    }

    #[test]
    fn duplicates_of_a_segment_are_all_found() {
        let gz = format!("0000000100000000000000A1-{SHA1}.gz");
        let plain = format!("0000000100000000000000A1-{}", "0".repeat(40));
        let partial = format!("0000000100000000000000A1.partial-{SHA1}");
        let listing = [gz.as_str(), plain.as_str(), partial.as_str()];
        let found = find_segment("0000000100000000000000A1", listing);
        assert_eq!(found.len(), 2);
        assert!(!same_checksum(&found));
        assert_eq!(
            find_segment("0000000100000000000000A1.partial", listing).len(),
            1
        );
    }

    #[test]
    fn history_files_name_their_timeline() {
        assert_eq!(history_timeline("0000000A.history"), Some("0000000A"));
        assert_eq!(history_timeline("0000000a.history"), None);
        assert_eq!(history_timeline("A.history"), None);
    }
}
