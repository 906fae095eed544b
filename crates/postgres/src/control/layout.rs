//! What differs between PostgreSQL versions in `pg_control` and in the WAL header: one row per version.
//!
//! Offsets are those of 64-bit little-endian servers, taken with a compiler from `catalog/pg_control.h` of each version.
//! Fields that sit at the same place in all versions are constants in the parent module.

use crate::error::{Error, Result};
use crate::version::PgVersion;

/// Where one version keeps its fields, and the numbers it is recognised by.
#[derive(Debug)]
pub struct ControlLayout {
    pub version: PgVersion,
    /// Whether the version is final; one that is not still changes its catalog version.
    pub released: bool,
    /// `PG_CONTROL_VERSION`.
    pub control_version: u32,
    /// `CATALOG_VERSION_NO`; for a version that is not final, the lowest that is accepted.
    pub catalog_version: u32,
    /// `XLOG_PAGE_MAGIC`.
    pub wal_magic: u16,
    /// Offset of `checkPointCopy.ThisTimeLineID`.
    pub timeline: usize,
    /// Offset of `blcksz`.
    pub page_size: usize,
    /// Offset of `xlog_seg_size`.
    pub wal_segment_size: usize,
    /// Offset of `data_checksum_version`.
    pub data_checksum_version: usize,
    /// Offset of `crc`, and so the number of bytes it covers.
    pub crc: usize,
}

impl ControlLayout {
    /// Whether a control file with these two versions was written by this version of PostgreSQL.
    pub fn matches(&self, control_version: u32, catalog_version: u32) -> bool {
        if self.control_version != control_version {
            return false;
        }
        if self.released {
            return self.catalog_version == catalog_version;
        }
        // The catalog version is a date with a counter (YYYYMMDDN): any later one of the same year is accepted
        let end_of_year = (self.catalog_version / 100_000 + 1) * 100_000;
        (self.catalog_version..end_of_year).contains(&catalog_version)
    }
}

/// Columns: version, control version, catalog version, WAL magic, then the offsets of timeline, page size, WAL segment size,
/// checksum version and CRC.
type Row = (PgVersion, u32, u32, u16, [usize; 5]);

const fn row(released: bool, row: Row) -> ControlLayout {
    let (version, control_version, catalog_version, wal_magic, offset) = row;
    ControlLayout {
        version,
        released,
        control_version,
        catalog_version,
        wal_magic,
        timeline: offset[0],
        page_size: offset[1],
        wal_segment_size: offset[2],
        data_checksum_version: offset[3],
        crc: offset[4],
    }
}

/// All known versions, oldest first.
pub static LAYOUTS: [ControlLayout; 14] = [
    row(
        true,
        (
            PgVersion::V9_3,
            937,
            201_306_121,
            0xD075,
            [56, 192, 204, 224, 228],
        ),
    ),
    row(
        true,
        (
            PgVersion::V9_4,
            942,
            201_409_291,
            0xD07E,
            [56, 200, 212, 236, 240],
        ),
    ),
    row(
        true,
        (
            PgVersion::V9_5,
            942,
            201_510_051,
            0xD087,
            [56, 216, 228, 252, 256],
        ),
    ),
    row(
        true,
        (
            PgVersion::V9_6,
            960,
            201_608_131,
            0xD093,
            [56, 216, 228, 252, 256],
        ),
    ),
    row(
        true,
        (
            PgVersion::V10,
            1002,
            201_707_211,
            0xD097,
            [56, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V11,
            1100,
            201_809_051,
            0xD098,
            [48, 208, 220, 244, 280],
        ),
    ),
    row(
        true,
        (
            PgVersion::V12,
            1201,
            201_909_212,
            0xD101,
            [48, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V13,
            1300,
            202_007_201,
            0xD106,
            [48, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V14,
            1300,
            202_107_181,
            0xD10D,
            [48, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V15,
            1300,
            202_209_061,
            0xD110,
            [48, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V16,
            1300,
            202_307_071,
            0xD113,
            [48, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V17,
            1700,
            202_406_281,
            0xD116,
            [48, 216, 228, 252, 288],
        ),
    ),
    row(
        true,
        (
            PgVersion::V18,
            1800,
            202_506_291,
            0xD118,
            [48, 216, 228, 252, 292],
        ),
    ),
    // As of 19rc1; its betas had other layouts, and nobody keeps a cluster of a beta.
    row(
        false,
        (
            PgVersion::V19,
            1905,
            202_610_061,
            0xD122,
            [48, 224, 240, 268, 308],
        ),
    ),
];

/// The layout of a version, or an error if that version is not supported.
pub fn for_version(version: PgVersion) -> Result<&'static ControlLayout> {
    LAYOUTS
        .iter()
        .find(|layout| layout.version == version)
        .ok_or_else(|| Error::unknown_version(format!("invalid PostgreSQL version {version}")))
}

/// The layout of the version that wrote a control file with these two versions, if it is known.
pub fn for_control(control_version: u32, catalog_version: u32) -> Option<&'static ControlLayout> {
    LAYOUTS
        .iter()
        .find(|layout| layout.matches(control_version, catalog_version))
}

/// The directory a version makes in every tablespace, such as `PG_17_202406281`.
pub fn catalog_dir_name(version: PgVersion, catalog_version: u32) -> String {
    format!("PG_{version}_{catalog_version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_sorted_and_end_with_their_crc() {
        assert!(
            LAYOUTS
                .windows(2)
                .all(|pair| pair[0].version < pair[1].version)
        );
        assert!(
            LAYOUTS
                .windows(2)
                .all(|pair| pair[0].wal_magic < pair[1].wal_magic)
        );
        for layout in &LAYOUTS {
            let offsets = [
                layout.timeline,
                layout.page_size,
                layout.wal_segment_size,
                layout.data_checksum_version,
                layout.crc,
            ];
            assert!(
                offsets.is_sorted() && layout.crc % 4 == 0 && layout.crc < 512,
                "{}",
                layout.version
            );
        }
    }

    #[test]
    fn released_versions_match_exactly_and_unreleased_ones_until_the_end_of_the_year() {
        assert_eq!(
            for_control(1300, 202_209_061).unwrap().version,
            PgVersion::V15
        );
        assert!(for_control(1300, 202_209_062).is_none());
        assert_eq!(
            for_control(1905, 202_610_061).unwrap().version,
            PgVersion::V19
        );
        assert_eq!(
            for_control(1905, 202_699_999).unwrap().version,
            PgVersion::V19
        );
        assert!(for_control(1905, 202_610_060).is_none());
        assert!(for_control(1905, 202_700_000).is_none());
        assert!(for_control(1902, 202_610_061).is_none());
    }

    #[test]
    fn unsupported_versions_have_no_layout() {
        let error = for_version("9.2".parse().unwrap()).unwrap_err();
        assert_eq!(error.message(), "invalid PostgreSQL version 9.2");
        assert_eq!(for_version(PgVersion::V17).unwrap().control_version, 1700);
    }

    #[test]
    fn tablespace_directories_carry_version_and_catalog() {
        assert_eq!(
            catalog_dir_name(PgVersion::V17, 202_406_281),
            "PG_17_202406281"
        );
        assert_eq!(
            catalog_dir_name(PgVersion::V9_6, 201_608_131),
            "PG_9.6_201608131"
        );
    }
}
