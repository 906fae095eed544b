//! The control file, `global/pg_control`: what it says, whether it is whole, and how its checkpoint is made invalid.
//!
//! The server keeps all fields in the first 512 bytes so that one sector holds them; the file is padded to 8192. Which
//! field is where is in [`layout`]. Reading the file, and reading it again while a server writes it, is the caller's.

pub mod layout;

use crc_fast::crc32_iscsi;

use crate::error::{Error, ErrorKind, Result};
use crate::lsn::Lsn;
use crate::page;
use crate::timeline::TimelineId;
use crate::version::PgVersion;
use crate::wal::check_segment_size;
use layout::ControlLayout;

/// Path of the control file within the data directory.
pub const CONTROL_FILE: &str = "global/pg_control";
/// Bytes of the file that carry data and are read.
pub const DATA_SIZE: usize = 512;
/// Bytes of the whole file; all beyond [`DATA_SIZE`] are zero.
pub const FILE_SIZE: usize = 8192;
/// The checkpoint a restored control file gets, so that the server cannot start without the backup label: the first
/// segment is never used, so no checkpoint can be there.
pub const CHECKPOINT_INVALID: Lsn = Lsn(0xDEAD);

/// Offset of `system_identifier`.
const SYSTEM_ID: usize = 0;
/// Offset of `pg_control_version`.
const CONTROL_VERSION: usize = 8;
/// Offset of `catalog_version_no`.
const CATALOG_VERSION: usize = 12;
/// Offset of `checkPoint`.
const CHECKPOINT: usize = 32;

/// `PG_DATA_CHECKSUM_VERSION`: all pages have checksums.
const CHECKSUM_VERSION: u32 = 1;
/// `PG_DATA_CHECKSUM_INPROGRESS_ON`, the highest value from 19 on: some pages have checksums.
const CHECKSUM_VERSION_IN_PROGRESS: u32 = 3;

/// What a control file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlFile {
    pub version: PgVersion,
    pub system_id: u64,
    pub control_version: u32,
    pub catalog_version: u32,
    /// Position of the latest checkpoint record.
    pub checkpoint: Lsn,
    /// Timeline of the latest checkpoint.
    pub timeline: TimelineId,
    /// Bytes in a data page.
    pub page_size: u32,
    /// Bytes in a WAL segment.
    pub wal_segment_size: u32,
    /// 0 if pages have no checksums or not all have them yet, else 1.
    pub data_checksum_version: u32,
}

impl ControlFile {
    /// Reads and validates a control file from at least its first 512 bytes; `force` takes that version whatever the file
    /// says, and finds the CRC further on if a fork has added fields.
    pub fn parse(bytes: &[u8], force: Option<PgVersion>) -> Result<Self> {
        let data = data(bytes)?;
        let control_version = field_u32(data, CONTROL_VERSION);
        let catalog_version = field_u32(data, CATALOG_VERSION);
        let layout = match force {
            Some(version) => layout::for_version(version)?,
            None => layout::for_control(control_version, catalog_version).ok_or_else(|| {
                Error::unknown_version(format!(
                    "unexpected control version = {control_version} and catalog version = {catalog_version}"
                ))
            })?,
        };
        crc_offset(data, layout, force.is_some())?;

        let wal_segment_size = field_u32(data, layout.wal_segment_size);
        check_segment_size(wal_segment_size)?;
        let page_size = field_u32(data, layout.page_size);
        page::check_size(page_size)?;

        Ok(Self {
            version: layout.version,
            system_id: field_u64(data, SYSTEM_ID),
            control_version,
            catalog_version,
            checkpoint: Lsn(field_u64(data, CHECKPOINT)),
            timeline: TimelineId(field_u32(data, layout.timeline)),
            page_size,
            wal_segment_size,
            data_checksum_version: checksum_version(data, layout)?,
        })
    }

    /// Whether the file comes from a restore and no server has started from it yet.
    pub fn is_checkpoint_invalid(&self) -> bool {
        self.checkpoint == CHECKPOINT_INVALID
    }
}

/// The image of a control file that is stored in backups: its first 512 bytes, then zeros up to 8192.
pub fn padded(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut image = data(bytes)?.to_vec();
    image.resize(FILE_SIZE, 0);
    Ok(image)
}

/// Reads a control file that a server may be writing at the same time: again and again until it is whole, or until the
/// same bad bytes come twice in a row. `pause` waits a moment (pgBackRest: 50 ms). Returns what the file says and its
/// image as [`padded`] gives it.
pub fn read_stable<E: From<Error>>(
    force: Option<PgVersion>,
    mut read: impl FnMut() -> std::result::Result<Vec<u8>, E>,
    mut pause: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<(ControlFile, Vec<u8>), E> {
    let mut last: Option<Vec<u8>> = None;
    loop {
        let bytes = read()?;
        match (ControlFile::parse(&bytes, force), last) {
            (Ok(control), _) => return Ok((control, padded(&bytes)?)),
            (Err(error), Some(last)) if last == bytes => return Err(error.into()),
            _ => last = Some(bytes),
        }
        pause()?;
    }
}

/// Sets the checkpoint of a control file to [`CHECKPOINT_INVALID`] and renews its CRC, wherever that is from the place of
/// this version on; fails, and changes nothing, if the file was not whole.
pub fn invalidate_checkpoint(bytes: &mut [u8], version: PgVersion) -> Result<()> {
    let layout = layout::for_version(version)?;
    let crc = crc_offset(data(bytes)?, layout, true)?;
    bytes[CHECKPOINT..CHECKPOINT + 8].copy_from_slice(&CHECKPOINT_INVALID.0.to_le_bytes());
    let sum = checksum(&bytes[..crc], version);
    bytes[crc..crc + 4].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// The CRC of a control file: CRC-32C from 9.5 on, before that PostgreSQL's own mixture of CRC-32, which shifts one way
/// and looks up the table made for the other (`COMP_LEGACY_CRC32` in `src/include/utils/pg_crc.h`).
fn checksum(bytes: &[u8], version: PgVersion) -> u32 {
    if version >= PgVersion::V9_5 {
        return crc32_iscsi(bytes);
    }
    let step =
        |crc: u32, byte: &u8| LEGACY_TABLE[usize::from((crc >> 24) as u8 ^ byte)] ^ (crc << 8);
    !bytes.iter().fold(u32::MAX, step)
}

/// Remainders of the reflected CRC-32 polynomial.
const LEGACY_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                0xEDB8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

fn data(bytes: &[u8]) -> Result<&[u8]> {
    bytes.get(..DATA_SIZE).ok_or_else(|| {
        Error::format(format!(
            "pg_control has {} bytes but at least {DATA_SIZE} are needed",
            bytes.len()
        ))
    })
}

/// Finds where the CRC is and proves it; `scan` also looks behind the layout's own place.
fn crc_offset(data: &[u8], layout: &ControlLayout, scan: bool) -> Result<usize> {
    let last = if scan { data.len() - 4 } else { layout.crc };
    let mut mismatch = (0, 0);
    for offset in (layout.crc..=last).step_by(4) {
        let (calculated, expected) = (
            checksum(&data[..offset], layout.version),
            field_u32(data, offset),
        );
        if calculated == expected {
            return Ok(offset);
        }
        mismatch = (calculated, expected);
    }
    let (calculated, expected) = mismatch;
    let mut error = Error::new(
        ErrorKind::Checksum,
        "calculated pg_control checksum does not match expected value",
    )
    .hint(format!(
        "calculated 0x{calculated:x} but expected value is 0x{expected:x}"
    ));
    if scan {
        error = error.hint("checksum values may be misleading due to forced version scan");
    }
    Err(error
        .hint("is pg_control corrupt?")
        .hint("does pg_control have a different layout than expected?"))
}

fn checksum_version(data: &[u8], layout: &ControlLayout) -> Result<u32> {
    let found = field_u32(data, layout.data_checksum_version);
    let in_progress_exists = layout.version >= PgVersion::V19;
    let highest = if in_progress_exists {
        CHECKSUM_VERSION_IN_PROGRESS
    } else {
        CHECKSUM_VERSION
    };
    if found > highest {
        return Err(Error::format(format!(
            "page checksum version is {found} but must be <= {highest}"
        )));
    }
    // While checksums are being switched on or off, pages without one are not damaged
    Ok(if found > CHECKSUM_VERSION { 0 } else { found })
}

/// A little-endian field; the caller has checked that the bytes are there.
pub(crate) fn field_u16(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

/// A little-endian field; the caller has checked that the bytes are there.
pub(crate) fn field_u32(bytes: &[u8], offset: usize) -> u32 {
    u32::from(field_u16(bytes, offset)) | u32::from(field_u16(bytes, offset + 2)) << 16
}

/// A little-endian field; the caller has checked that the bytes are there.
pub(crate) fn field_u64(bytes: &[u8], offset: usize) -> u64 {
    u64::from(field_u32(bytes, offset)) | u64::from(field_u32(bytes, offset + 4)) << 32
}

#[cfg(test)]
mod tests;
