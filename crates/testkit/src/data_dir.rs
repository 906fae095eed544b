//! Made-up data directories: valid enough for a backup without a server, in any version and page size.
//!
//! `pg_control` is right to the last bit that backup programs look at (identity, sizes, checkpoint, CRC); relations have
//! pages with true checksums; WAL segments have true headers. No server would start from it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crc_fast::CrcAlgorithm;

use crate::error::{During, Error, Result};
use crate::page_check;

/// Facts of a released major: version text, WAL magic, control and catalog version, then the offsets in `pg_control` of
/// timeline, page size, WAL segment size, checksum version and CRC (PostgreSQL's `pg_control.h` and `xlog_internal.h`).
#[rustfmt::skip]
const RELEASES: &[(&str, u16, u32, u32, [usize; 5])] = &[
    ("9.3", 0xD075, 937, 201_306_121, [56, 192, 204, 224, 228]),
    ("9.4", 0xD07E, 942, 201_409_291, [56, 200, 212, 236, 240]),
    ("9.5", 0xD087, 942, 201_510_051, [56, 216, 228, 252, 256]),
    ("9.6", 0xD093, 960, 201_608_131, [56, 216, 228, 252, 256]),
    ("10", 0xD097, 1002, 201_707_211, [56, 216, 228, 252, 288]),
    ("11", 0xD098, 1100, 201_809_051, [48, 208, 220, 244, 280]),
    ("12", 0xD101, 1201, 201_909_212, [48, 216, 228, 252, 288]),
    ("13", 0xD106, 1300, 202_007_201, [48, 216, 228, 252, 288]),
    ("14", 0xD10D, 1300, 202_107_181, [48, 216, 228, 252, 288]),
    ("15", 0xD110, 1300, 202_209_061, [48, 216, 228, 252, 288]),
    ("16", 0xD113, 1300, 202_307_071, [48, 216, 228, 252, 288]),
    ("17", 0xD116, 1700, 202_406_281, [48, 216, 228, 252, 288]),
    ("18", 0xD118, 1800, 202_506_291, [48, 216, 228, 252, 292]),
];

/// What a made-up data directory shall hold.
#[derive(Debug, Clone)]
pub struct DataDirBuilder {
    release: usize,
    /// Identifies the cluster.
    system_id: u64,
    page_size: u32,
    wal_segment_size: u32,
    page_checksums: bool,
    timeline: u32,
    checkpoint: u64,
    relations: Vec<(PathBuf, u32)>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl DataDirBuilder {
    /// A data directory of a version ("9.6", "17"), with a system identifier, 8 KiB pages and 16 MiB WAL segments.
    pub fn new(version: &str) -> Result<Self> {
        let release = RELEASES
            .iter()
            .position(|release| release.0 == version)
            .ok_or_else(|| {
                Error::Failed(format!("no PostgreSQL {version} in the test kit's table"))
            })?;
        Ok(Self {
            release,
            system_id: 7_000_000_000_000_000_001,
            page_size: 8192,
            wal_segment_size: 16 << 20,
            page_checksums: false,
            timeline: 1,
            checkpoint: 0x0100_0028,
            relations: Vec::new(),
            files: Vec::new(),
        })
    }

    /// System identifier.
    pub fn system_id(mut self, id: u64) -> Self {
        self.system_id = id;
        self
    }

    /// Page size in bytes: 1 to 32 KiB, a power of two.
    pub fn page_size(mut self, bytes: u32) -> Self {
        self.page_size = bytes;
        self
    }

    /// WAL segment size in bytes: 1 MiB to 1 GiB, a power of two.
    pub fn wal_segment_size(mut self, bytes: u32) -> Self {
        self.wal_segment_size = bytes;
        self
    }

    /// Gives the pages checksums and says so in `pg_control`.
    pub fn page_checksums(mut self) -> Self {
        self.page_checksums = true;
        self
    }

    /// Timeline in `pg_control` and in WAL headers.
    pub fn timeline(mut self, timeline: u32) -> Self {
        self.timeline = timeline;
        self
    }

    /// LSN of the last checkpoint.
    pub fn checkpoint(mut self, lsn: u64) -> Self {
        self.checkpoint = lsn;
        self
    }

    /// A relation file at a path like `base/1/1259`, with this many pages.
    pub fn relation(mut self, path: impl Into<PathBuf>, pages: u32) -> Self {
        self.relations.push((path.into(), pages));
        self
    }

    /// Any other file.
    pub fn file(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// The 8192 bytes of `global/pg_control`.
    pub fn pg_control(&self) -> Vec<u8> {
        let (_, _, control, catalog, [timeline, page, segment, checksums, crc]) =
            RELEASES[self.release];
        let mut bytes = vec![0; 8192];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &self.system_id.to_le_bytes());
        put(8, &control.to_le_bytes());
        put(12, &catalog.to_le_bytes());
        put(32, &self.checkpoint.to_le_bytes());
        put(timeline, &self.timeline.to_le_bytes());
        put(page, &self.page_size.to_le_bytes());
        put(segment, &self.wal_segment_size.to_le_bytes());
        put(checksums, &u32::from(self.page_checksums).to_le_bytes());
        let sum = crc32c(&bytes[..crc]);
        bytes[crc..crc + 4].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// A whole WAL segment with a true long header; the rest is a pattern made from `fill`.
    pub fn wal_segment(&self, fill: u8) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..self.wal_segment_size)
            .map(|at| (at / 97) as u8 ^ fill)
            .collect();
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &RELEASES[self.release].1.to_le_bytes());
        // XLP_LONG_HEADER
        put(2, &2_u16.to_le_bytes());
        put(4, &self.timeline.to_le_bytes());
        put(24, &self.system_id.to_le_bytes());
        put(32, &self.wal_segment_size.to_le_bytes());
        put(36, &8192_u32.to_le_bytes());
        bytes
    }

    /// Makes the directory at `path`, which must not exist.
    pub fn build(&self, path: &Path) -> Result<()> {
        let version = RELEASES[self.release].0;
        let modern = !version.starts_with("9.");
        make(path)?;
        let (wal, xact) = if modern {
            ("pg_wal", "pg_xact")
        } else {
            ("pg_xlog", "pg_clog")
        };
        for directory in [
            "base",
            "base/1",
            "global",
            wal,
            &format!("{wal}/archive_status"),
            xact,
            "pg_multixact",
            "pg_multixact/members",
            "pg_multixact/offsets",
            "pg_notify",
            "pg_replslot",
            "pg_serial",
            "pg_snapshots",
            "pg_stat",
            "pg_stat_tmp",
            "pg_subtrans",
            "pg_tblspc",
            "pg_twophase",
        ] {
            make(&path.join(directory))?;
        }
        let label = format!("{version}\n").into_bytes();
        write(&path.join("PG_VERSION"), &label)?;
        write(&path.join("base/1/PG_VERSION"), &label)?;
        write(&path.join("postgresql.conf"), b"# made up\n")?;
        write(&path.join("global/pg_control"), &self.pg_control())?;
        for (name, content) in &self.files {
            write_below(path, name, content)?;
        }
        for (name, pages) in &self.relations {
            write_below(path, name, &self.relation_pages(*pages))?;
        }
        Ok(())
    }

    fn relation_pages(&self, pages: u32) -> Vec<u8> {
        let size = self.page_size as usize;
        let mut bytes = Vec::with_capacity(size * pages as usize);
        for block in 0..pages {
            let mut page: Vec<u8> = (0..size)
                .map(|at| ((at / 61) as u32 ^ block.wrapping_mul(31)) as u8)
                .collect();
            // An LSN far below the checkpoint, no checksum yet, no flags; then pd_lower, pd_upper, pd_special, size and layout version.
            page[..12].fill(0);
            page[4] = 1;
            let [lower, upper] = [24_u16, 1024.min(size as u16 / 2)];
            page[12..14].copy_from_slice(&lower.to_le_bytes());
            page[14..16].copy_from_slice(&upper.to_le_bytes());
            page[16..18].copy_from_slice(&(size as u16).to_le_bytes());
            page[18..20].copy_from_slice(&(size as u16 | 4).to_le_bytes());
            if self.page_checksums {
                let sum = page_check::checksum(&page, block);
                page[8..10].copy_from_slice(&sum.to_le_bytes());
            }
            bytes.extend_from_slice(&page);
        }
        bytes
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    let sum = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(sum).expect("a CRC-32 has 32 bits")
}

fn make(path: &Path) -> Result<()> {
    fs::create_dir_all(path).during(format!("make {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).during("set its mode")
}

fn write_below(top: &Path, name: &Path, content: &[u8]) -> Result<()> {
    if let Some(parent) = name.parent() {
        make(&top.join(parent))?;
    }
    write(&top.join(name), content)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).during(format!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).during("set its mode")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_directory_has_true_pages_and_the_size_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        DataDirBuilder::new("17")
            .unwrap()
            .page_checksums()
            .relation("base/1/1259", 3)
            .build(&data)
            .unwrap();
        assert_eq!(
            fs::metadata(data.join("global/pg_control")).unwrap().len(),
            8192
        );
        assert_eq!(page_check::check(&data).unwrap(), 3);
        assert!(DataDirBuilder::new("8.4").is_err());
    }

    #[test]
    fn a_wal_segment_names_its_cluster() {
        let segment = DataDirBuilder::new("12")
            .unwrap()
            .system_id(42)
            .wal_segment_size(1 << 20)
            .wal_segment(0);
        assert_eq!(segment.len(), 1 << 20);
        assert_eq!(segment[..4], [0x01, 0xD1, 2, 0]);
        assert_eq!(segment[24..32], 42_u64.to_le_bytes());
    }
}
