//! The packed form of one file in memory: varints for numbers, flags for what is absent or usual.
//!
//! Written and read only by [`super::table`]; it never leaves the process. A typical record takes 70 bytes, 40 of them
//! checksums.

use pgkeep_pipeline::Sha1Digest;

use super::file::{BLOCK_UNIT, BlockFile, BundleSlice, FileData, PageCheck, PageRange};
use super::owner::LabelId;

const COPY: u16 = 1;
const DELTA: u16 = 1 << 1;
const RESUME: u16 = 1 << 2;
const CHECKSUM: u16 = 1 << 3;
/// The checksum is that of nothing and is not stored.
const CHECKSUM_EMPTY: u16 = 1 << 4;
const REPO_CHECKSUM: u16 = 1 << 5;
const PAGE: u16 = 1 << 6;
const PAGE_ERROR: u16 = 1 << 7;
const PAGE_LIST: u16 = 1 << 8;
const REFERENCE: u16 = 1 << 9;
const BUNDLE: u16 = 1 << 10;
const BLOCK: u16 = 1 << 11;
const SIZE_ORIGINAL: u16 = 1 << 12;
const REPO_SIZE: u16 = 1 << 13;

/// Where the parts of a record that identify it lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordHead<'a> {
    pub(super) directory: u32,
    pub(super) attributes: u32,
    pub(super) base: &'a [u8],
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (head, rest) = bytes.split_at(length);
    *bytes = rest;
    head
}

fn take_sha1(bytes: &mut &[u8]) -> Sha1Digest {
    Sha1Digest(take(bytes, 20).try_into().expect("20 bytes were taken"))
}

/// Appends the packed form.
pub(super) fn encode(out: &mut Vec<u8>, head: RecordHead<'_>, data: &FileData) {
    let mut flags = 0;
    let mut set = |condition: bool, flag: u16| {
        if condition {
            flags |= flag;
        }
    };
    set(data.copy, COPY);
    set(data.delta, DELTA);
    set(data.resume, RESUME);
    set(data.checksum.is_some(), CHECKSUM);
    set(data.checksum == Some(Sha1Digest::EMPTY), CHECKSUM_EMPTY);
    set(data.repo_checksum.is_some(), REPO_CHECKSUM);
    set(data.page_check != PageCheck::None, PAGE);
    set(matches!(data.page_check, PageCheck::Invalid(_)), PAGE_ERROR);
    set(
        matches!(data.page_check, PageCheck::Invalid(Some(_))),
        PAGE_LIST,
    );
    set(data.reference.is_some(), REFERENCE);
    set(data.bundle.is_some(), BUNDLE);
    set(data.block.is_some(), BLOCK);
    set(data.size_original != data.size, SIZE_ORIGINAL);
    set(data.repo_size != data.size, REPO_SIZE);

    put_varint(out, head.directory.into());
    put_varint(out, head.base.len() as u64);
    out.extend_from_slice(head.base);
    put_varint(out, head.attributes.into());
    out.extend_from_slice(&flags.to_le_bytes());
    put_varint(out, data.size);
    put_varint(out, ((data.timestamp << 1) ^ (data.timestamp >> 63)) as u64);
    if flags & SIZE_ORIGINAL != 0 {
        put_varint(out, data.size_original);
    }
    if flags & REPO_SIZE != 0 {
        put_varint(out, data.repo_size);
    }
    if let Some(reference) = data.reference {
        put_varint(out, reference.0.into());
    }
    if let Some(bundle) = data.bundle {
        put_varint(out, bundle.id);
        put_varint(out, bundle.offset);
    }
    if let Some(block) = data.block {
        put_varint(out, block.size / BLOCK_UNIT);
        put_varint(out, block.checksum_size.into());
        put_varint(out, block.map_size);
    }
    if flags & (CHECKSUM | CHECKSUM_EMPTY) == CHECKSUM
        && let Some(checksum) = data.checksum
    {
        out.extend_from_slice(&checksum.0);
    }
    if let Some(checksum) = data.repo_checksum {
        out.extend_from_slice(&checksum.0);
    }
    if let PageCheck::Invalid(Some(pages)) = &data.page_check {
        put_varint(out, pages.len() as u64);
        for page in pages {
            put_varint(out, page.first);
            put_varint(out, page.last - page.first);
        }
    }
}

/// Reads the identifying parts; `bytes` is left behind them.
pub(super) fn decode_head<'a>(bytes: &mut &'a [u8]) -> RecordHead<'a> {
    let directory = take_varint(bytes) as u32;
    let length = take_varint(bytes) as usize;
    let base = take(bytes, length);
    let attributes = take_varint(bytes) as u32;
    RecordHead {
        directory,
        attributes,
        base,
    }
}

/// Reads what follows the head; mode and owners are left for the caller.
pub(super) fn decode_data(mut bytes: &[u8]) -> FileData {
    let bytes = &mut bytes;
    let flags = u16::from_le_bytes(take(bytes, 2).try_into().expect("two bytes were taken"));
    let has = |flag: u16| flags & flag != 0;
    let size = take_varint(bytes);
    let timestamp = take_varint(bytes);
    let timestamp = (timestamp >> 1) as i64 ^ -((timestamp & 1) as i64);
    let size_original = if has(SIZE_ORIGINAL) {
        take_varint(bytes)
    } else {
        size
    };
    let repo_size = if has(REPO_SIZE) {
        take_varint(bytes)
    } else {
        size
    };
    let reference = has(REFERENCE).then(|| LabelId(take_varint(bytes) as u32));
    let bundle = has(BUNDLE).then(|| BundleSlice {
        id: take_varint(bytes),
        offset: take_varint(bytes),
    });
    let block = has(BLOCK).then(|| BlockFile {
        size: take_varint(bytes) * BLOCK_UNIT,
        checksum_size: take_varint(bytes) as u32,
        map_size: take_varint(bytes),
    });
    let checksum = match (has(CHECKSUM), has(CHECKSUM_EMPTY)) {
        (_, true) => Some(Sha1Digest::EMPTY),
        (true, false) => Some(take_sha1(bytes)),
        (false, false) => None,
    };
    let repo_checksum = has(REPO_CHECKSUM).then(|| take_sha1(bytes));
    let page_check = match (has(PAGE), has(PAGE_ERROR), has(PAGE_LIST)) {
        (false, ..) => PageCheck::None,
        (true, false, _) => PageCheck::Valid,
        (true, true, false) => PageCheck::Invalid(None),
        (true, true, true) => {
            let count = take_varint(bytes);
            let pages = (0..count).map(|_| {
                let first = take_varint(bytes);
                PageRange {
                    first,
                    last: first + take_varint(bytes),
                }
            });
            PageCheck::Invalid(Some(pages.collect()))
        }
    };
    FileData {
        size,
        size_original,
        repo_size,
        timestamp,
        checksum,
        repo_checksum,
        page_check,
        bundle,
        block,
        reference,
        mode: 0,
        user: None,
        group: None,
        copy: has(COPY),
        delta: has(DELTA),
        resume: has(RESUME),
    }
}
