//! Reads the entry of one file of a manifest, and bounds every number in it.

use pgkeep_pipeline::Sha1Digest;

use super::file::{
    BLOCK_CHECKSUM_MIN, BLOCK_UNIT, BlockFile, BundleSlice, FileData, PageCheck, PageRange,
};
use super::table::Attributes;
use crate::error::{Error, Result};
use crate::info_file::json::JsonReader;
use crate::limits;

/// Owner and mode of an entry as far as it says them, or of a default section.
pub(super) type Given = Attributes;

pub(super) const NOTHING: Given = Attributes {
    mode: None,
    user: None,
    group: None,
};

/// What the entry says; absent is absent.
#[derive(Debug)]
pub(super) struct FileFields {
    pub(super) data: FileData,
    pub(super) given: Given,
    size: Option<u64>,
    size_original: Option<u64>,
    repo_size: Option<u64>,
    timestamp: Option<i64>,
    block_units: Option<u64>,
    block_checksum: Option<u64>,
    block_map: Option<u64>,
    bundle_id: Option<u64>,
    bundle_offset: Option<u64>,
    page_valid: Option<bool>,
    pages: Option<Box<[PageRange]>>,
}

/// A file with its numbers in place; owners are left for the caller.
pub(super) struct File {
    pub(super) data: FileData,
    pub(super) given: Given,
}

impl Default for FileFields {
    fn default() -> Self {
        Self {
            data: FileData::default(),
            given: NOTHING,
            size: None,
            size_original: None,
            repo_size: None,
            timestamp: None,
            block_units: None,
            block_checksum: None,
            block_map: None,
            bundle_id: None,
            bundle_offset: None,
            page_valid: None,
            pages: None,
        }
    }
}

impl FileFields {
    /// Takes the value of a key; others are skipped.
    pub(super) fn take(&mut self, key: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
        let number = |json: &mut JsonReader<'_>| json.read_u64().map(Some);
        match key {
            b"bi" => self.block_units = number(json)?,
            b"bic" => self.block_checksum = number(json)?,
            b"bim" => self.block_map = number(json)?,
            b"bni" => self.bundle_id = number(json)?,
            b"bno" => self.bundle_offset = number(json)?,
            b"checksum" => self.data.checksum = Some(Sha1Digest(json.read_sha1()?)),
            b"checksum-page" => self.page_valid = Some(json.read_bool()?),
            b"checksum-page-error" => self.pages = read_pages(json)?,
            b"mode" => self.given.mode = Some(json.read_mode()?),
            b"rck" => self.data.repo_checksum = Some(Sha1Digest(json.read_sha1()?)),
            b"repo-size" => self.repo_size = number(json)?,
            b"size" => self.size = number(json)?,
            b"szo" => self.size_original = number(json)?,
            b"timestamp" => self.timestamp = Some(json.read_i64()?),
            _ => json.skip()?,
        }
        Ok(())
    }

    /// Puts everything together and checks that it can be.
    pub(super) fn finish(self, name: &[u8]) -> Result<File> {
        let object = || format!("file '{}'", String::from_utf8_lossy(name));
        let missing = |what: &str| Error::format(format!("missing {what} for {}", object()));
        let within = |range, value, key| limits::within(range, value, key, object);
        let mut data = self.data;
        data.size = self.size.ok_or_else(|| missing("size"))?;
        data.timestamp = self.timestamp.ok_or_else(|| missing("timestamp"))?;
        data.repo_size = self.repo_size.unwrap_or(data.size);
        data.size_original = self.size_original.unwrap_or(data.size);
        within(0..=limits::FILE_SIZE, data.size, "size")?;
        within(0..=limits::FILE_SIZE, data.size_original, "szo")?;
        within(0..=limits::FILE_SIZE, data.repo_size, "repo-size")?;
        if data.size == 0 {
            if data
                .checksum
                .is_some_and(|checksum| checksum != Sha1Digest::EMPTY)
            {
                return Err(limits::damaged(format!(
                    "{} has no bytes but the checksum of some",
                    object()
                )));
            }
            data.checksum = Some(Sha1Digest::EMPTY);
        }
        if let Some(units) = self.block_units {
            within(1..=limits::BLOCK_SIZE / BLOCK_UNIT, units, "bi")?;
            let checksum_size = self.block_checksum.unwrap_or(BLOCK_CHECKSUM_MIN.into());
            within(1..=limits::BLOCK_CHECKSUM_SIZE, checksum_size, "bic")?;
            // The map is the end of what is stored.
            let map_size = self.block_map.unwrap_or(0);
            within(0..=data.repo_size, map_size, "bim")?;
            data.block = Some(BlockFile {
                size: units * BLOCK_UNIT,
                checksum_size: u32::try_from(checksum_size).unwrap_or(BLOCK_CHECKSUM_MIN),
                map_size,
            });
        }
        if let Some(id) = self.bundle_id {
            let offset = self.bundle_offset.unwrap_or(0);
            data.bundle = Some(BundleSlice {
                id: within(1..=limits::BUNDLES, id, "bni")?,
                offset: within(0..=limits::SET_SIZE, offset, "bno")?,
            });
        }
        data.page_check = match self.page_valid {
            None => PageCheck::None,
            Some(true) => PageCheck::Valid,
            Some(false) => PageCheck::Invalid(self.pages),
        };
        Ok(File {
            data,
            given: self.given,
        })
    }
}

/// Bytes of all files so far.
#[derive(Debug, Default)]
pub(super) struct SetSize {
    size: u64,
    repo_size: u64,
}

impl SetSize {
    /// Adds a file, whose own sizes are bounded.
    ///
    /// # Errors
    /// [`crate::ErrorType::Format`] when no repository could hold them all.
    pub(super) fn add(&mut self, data: &FileData, name: &[u8]) -> Result<()> {
        for (sum, size) in [
            (&mut self.size, data.size.max(data.size_original)),
            (&mut self.repo_size, data.repo_size),
        ] {
            *sum = sum.saturating_add(size);
            if *sum > limits::SET_SIZE {
                return Err(limits::damaged(format!(
                    "sizes of all files up to '{}' are together out of range (at most {})",
                    String::from_utf8_lossy(name),
                    limits::SET_SIZE
                )));
            }
        }
        Ok(())
    }
}

/// Page numbers and `[first,last]` pairs.
fn read_pages(json: &mut JsonReader<'_>) -> Result<Option<Box<[PageRange]>>> {
    if json.read_null() {
        return Ok(None);
    }
    let mut pages = Vec::new();
    json.begin_array()?;
    while json.next_element()? {
        let range = if json.at_array()? {
            let mut pair = Vec::new();
            json.begin_array()?;
            while json.next_element()? {
                pair.push(json.read_u64()?);
            }
            match pair.as_slice() {
                [first, last] if first <= last => PageRange {
                    first: *first,
                    last: *last,
                },
                _ => return Err(Error::format("invalid range of pages")),
            }
        } else {
            let page = json.read_u64()?;
            PageRange {
                first: page,
                last: page,
            }
        };
        pages.push(range);
    }
    Ok(Some(pages.into()))
}
