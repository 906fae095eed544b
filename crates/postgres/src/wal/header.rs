//! The long header of the first page of a WAL segment (`XLogLongPageHeaderData` in `access/xlog_internal.h`).
//!
//! Offsets are those of 64-bit little-endian servers and the same in all versions; the magic number tells the version.

use crate::control::{field_u16, field_u32, field_u64, layout};
use crate::error::{Error, Result};
use crate::timeline::TimelineId;
use crate::version::PgVersion;
use crate::wal::check_segment_size;

/// How many bytes of a segment are read to look at its header.
pub const HEADER_SIZE: usize = 512;

/// `XLP_LONG_HEADER`: the page header is the long form.
const LONG_HEADER: u16 = 0x0002;

/// What the header of a segment says about the cluster that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalHeader {
    pub version: PgVersion,
    pub system_id: u64,
    /// Bytes in a segment.
    pub segment_size: u32,
    /// Bytes in a WAL page.
    pub page_size: u32,
    /// The timeline of the first record on the page.
    pub timeline: TimelineId,
}

impl WalHeader {
    /// Reads the header from the first bytes of a segment; `force` takes that version whatever the magic number says.
    pub fn parse(bytes: &[u8], force: Option<PgVersion>) -> Result<Self> {
        if bytes.len() < 40 {
            return Err(Error::format(format!(
                "WAL header is too short: {} bytes",
                bytes.len()
            )));
        }
        if field_u16(bytes, 2) & LONG_HEADER == 0 {
            return Err(Error::format(
                "first page header in WAL file is expected to be in long format",
            ));
        }
        let magic = field_u16(bytes, 0);
        let layout = match force {
            Some(version) => layout::for_version(version)?,
            None => layout::LAYOUTS
                .iter()
                .find(|layout| layout.wal_magic == magic)
                .ok_or_else(|| Error::unknown_version(format!("unexpected WAL magic {magic}")))?,
        };
        let header = Self {
            version: layout.version,
            system_id: field_u64(bytes, 24),
            segment_size: field_u32(bytes, 32),
            page_size: field_u32(bytes, 36),
            timeline: TimelineId(field_u32(bytes, 4)),
        };
        check_segment_size(header.segment_size)?;
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    fn header(magic: u16, info: u16, segment_size: u32) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_SIZE];
        bytes[0..2].copy_from_slice(&magic.to_le_bytes());
        bytes[2..4].copy_from_slice(&info.to_le_bytes());
        bytes[4] = 3;
        bytes[24..32].copy_from_slice(&0x0102_0304_0506_0708_u64.to_le_bytes());
        bytes[32..36].copy_from_slice(&segment_size.to_le_bytes());
        bytes[36..40].copy_from_slice(&8192_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn every_known_magic_gives_its_version() {
        for layout in &layout::LAYOUTS {
            let found = WalHeader::parse(&header(layout.wal_magic, 2, 1 << 24), None).unwrap();
            let expected = WalHeader {
                version: layout.version,
                system_id: 0x0102_0304_0506_0708,
                segment_size: 1 << 24,
                page_size: 8192,
                timeline: TimelineId(3),
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn unknown_magic_is_refused_unless_the_version_is_forced() {
        let error = WalHeader::parse(&header(777, 2, 1 << 24), None).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Version, "unexpected WAL magic 777")
        );
        assert_eq!(error.hints()[0], "is this version of PostgreSQL supported?");
        let forced = WalHeader::parse(&header(777, 2, 1 << 24), Some(PgVersion::V16)).unwrap();
        assert_eq!(forced.version, PgVersion::V16);
    }

    #[test]
    fn short_header_and_odd_sizes_are_format_errors() {
        let error = WalHeader::parse(&header(0xD116, 0, 1 << 24), None).unwrap_err();
        assert_eq!(
            error.message(),
            "first page header in WAL file is expected to be in long format"
        );
        for size in [0, 1 << 19, 3 << 20, 1 << 31] {
            let error = WalHeader::parse(&header(0xD116, 2, size), None).unwrap_err();
            assert_eq!(
                error.message(),
                format!(
                    "wal segment size is {size} but must be a power of two between 1048576 and 1073741824 inclusive"
                )
            );
        }
        assert_eq!(
            WalHeader::parse(&[], None).unwrap_err().kind(),
            ErrorKind::Format
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = WalHeader::parse(&bytes, None);
            let _ = WalHeader::parse(&bytes, Some(PgVersion::V17));
        }
    }
}
