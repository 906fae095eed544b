//! The test kit's own page checksums: a reader independent of the program's, for clusters without a `pg_checksums`.
//!
//! The algorithm is PostgreSQL's (`src/include/storage/checksum_impl.h`): 32 parallel FNV-1a sums over the page with its
//! checksum field taken as zero, mixed, xored with the block number and reduced to 1…65535.

use std::fs;
use std::path::Path;

use crate::error::{During, Error, Result};

const BLOCK: usize = 8192;
const SUMS: usize = 32;
const PRIME: u32 = 16_777_619;
const BASIS: [u32; SUMS] = [
    0x5B1F_36E9,
    0xB852_5960,
    0x02AB_50AA,
    0x1DE6_6D2A,
    0x79FF_467A,
    0x9BB9_F8A3,
    0x217E_7CD2,
    0x83E1_3D2C,
    0xF8D4_474F,
    0xE39E_B970,
    0x42C6_AE16,
    0x9932_16FA,
    0x7B09_3B5D,
    0x98DA_FF3C,
    0xF718_902A,
    0x0B1C_9CDB,
    0xE58F_764B,
    0x1876_36BC,
    0x5D7B_3BB1,
    0xE73D_E7DE,
    0x92BE_C979,
    0xCCA6_C0B2,
    0x304A_0979,
    0x85AA_43D4,
    0x7831_25BB,
    0x6CA8_EAA2,
    0xE407_EAC6,
    0x4B5C_FC3E,
    0x9FBF_8C76,
    0x15CA_20BE,
    0xF2CA_9FD3,
    0x959B_D756,
];

/// Checksum of one page (its length a multiple of 128 bytes) at a block number counted from the relation's start.
pub fn checksum(page: &[u8], block: u32) -> u16 {
    let mix = |sum: u32, value: u32| {
        let mixed = sum ^ value;
        mixed.wrapping_mul(PRIME) ^ (mixed >> 17)
    };
    let mut sums = BASIS;
    for (row, bytes) in page.chunks_exact(SUMS * 4).enumerate() {
        for (column, word) in bytes.chunks_exact(4).enumerate() {
            let mut value = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            if row == 0 && column == 2 {
                // pd_checksum is the lower half of this word.
                value &= 0xFFFF_0000;
            }
            sums[column] = mix(sums[column], value);
        }
    }
    for _ in 0..2 {
        for sum in &mut sums {
            *sum = mix(*sum, 0);
        }
    }
    let folded = sums.iter().fold(block, |result, sum| result ^ sum);
    u16::try_from(folded % 65_535 + 1).expect("a remainder of 65535 plus one fits")
}

/// Checks every page of 8 KiB below `base`, `global` and the tablespaces of a stopped cluster; gives the number of pages.
pub fn check(data_dir: &Path) -> Result<u64> {
    let mut pages = 0;
    for top in ["base", "global", "pg_tblspc"] {
        walk(&data_dir.join(top), &mut pages)?;
    }
    Ok(pages)
}

fn walk(path: &Path, pages: &mut u64) -> Result<()> {
    let context = || format!("read {}", path.display());
    if path.metadata().during(context())?.is_dir() {
        for entry in path.read_dir().during(context())? {
            walk(&entry.during(context())?.path(), pages)?;
        }
        return Ok(());
    }
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let Some(segment) = relation_segment(&name) else {
        return Ok(());
    };
    let bytes = fs::read(path).during(context())?;
    for (index, page) in bytes.chunks_exact(BLOCK).enumerate() {
        // pd_upper is zero on a page that was never used.
        if page[14] == 0 && page[15] == 0 {
            continue;
        }
        let block = segment * 131_072 + u32::try_from(index).during("count blocks")?;
        let stored = u16::from_le_bytes([page[8], page[9]]);
        let computed = checksum(page, block);
        if stored != computed {
            return Err(Error::Failed(format!(
                "{} block {block}: checksum {stored:04x}, computed {computed:04x}",
                path.display()
            )));
        }
        *pages += 1;
    }
    Ok(())
}

/// Segment number of a relation's file ("16384", "16384_vm.3"), none for other files.
fn relation_segment(name: &str) -> Option<u32> {
    let (stem, segment) = match name.split_once('.') {
        Some((stem, segment)) => (stem, segment.parse().ok()?),
        None => (name, 0),
    };
    let (node, fork) = stem.split_once('_').unwrap_or((stem, "main"));
    let known = matches!(fork, "main" | "fsm" | "vm" | "init");
    (known && !node.is_empty() && node.bytes().all(|byte| byte.is_ascii_digit())).then_some(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relation_files_have_pages() {
        assert_eq!(relation_segment("16384"), Some(0));
        assert_eq!(relation_segment("16384_vm.3"), Some(3));
        assert_eq!(relation_segment("pg_control"), None);
        assert_eq!(relation_segment("PG_VERSION"), None);
        assert_eq!(relation_segment("16384_tmp"), None);
    }

    #[test]
    fn a_changed_byte_or_block_number_changes_the_checksum() {
        let mut page = vec![7_u8; BLOCK];
        let first = checksum(&page, 1);
        assert_ne!(first, checksum(&page, 2));
        page[8] = 0;
        assert_eq!(
            first,
            checksum(&page, 1),
            "the checksum field itself does not count"
        );
        page[100] = 8;
        assert_ne!(first, checksum(&page, 1));
    }
}
