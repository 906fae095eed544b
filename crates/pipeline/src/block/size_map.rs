//! Which files are stored block by block, in blocks of what size (docs/format/block-incremental.md).
//!
//! The defaults are tables; each can be replaced by the option of its name. What is carried over from a prior backup is
//! decided where manifests are compared, not here.

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const DAY: u64 = 24 * 60 * 60;

/// Block sizes in the manifest are counted in this many bytes (`bi`).
pub const BLOCK_SIZE_UNIT: u64 = 8 * KIB;
/// Largest block.
pub const BLOCK_SIZE_MAX: u64 = 1024 * MIB;
/// Checksum size that the manifest leaves out (`bic`).
pub const CHECKSUM_SIZE_MIN: u64 = 6;
/// Default of `repo-block-size-super`, in bytes: differential and incremental backups.
pub const SUPER_BLOCK_SIZE: u64 = 256 * KIB;
/// Default of `repo-block-size-super-full`, in bytes.
pub const SUPER_BLOCK_SIZE_FULL: u64 = MIB;

/// The three tables: (at least this much, then this).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRules {
    /// File size in bytes, block size in bytes; largest first.
    size: Vec<(u64, u64)>,
    /// Age in seconds, multiplier of the block size; oldest first.
    age: Vec<(u64, u64)>,
    /// Block size in bytes, checksum size in bytes; largest first.
    checksum: Vec<(u64, u64)>,
}

impl Default for BlockRules {
    fn default() -> BlockRules {
        let size = [
            (914, 88),
            (740, 80),
            (585, 72),
            (448, 64),
            (329, 56),
            (228, 48),
            (146, 40),
            (96, 32),
            (43, 24),
            (11, 16),
        ];
        let mut size: Vec<_> = size
            .into_iter()
            .map(|(file, block)| (file * MIB, block * KIB))
            .collect();
        size.push((16 * KIB, 8 * KIB));
        BlockRules {
            size,
            age: vec![(28 * DAY, 0), (14 * DAY, 4), (7 * DAY, 2)],
            checksum: vec![
                (4 * MIB, 12),
                (2 * MIB, 11),
                (MIB, 10),
                (512 * KIB, 9),
                (128 * KIB, 8),
                (32 * KIB, 7),
            ],
        }
    }
}

impl BlockRules {
    /// Replaces the table of `repo-block-size-map`: (file size, block size), both in bytes, in any order.
    pub fn with_size_map(mut self, map: Vec<(u64, u64)>) -> BlockRules {
        self.size = descending(map);
        self
    }

    /// Replaces the table of `repo-block-age-map`: (age in days, multiplier), in any order.
    pub fn with_age_map(mut self, map: Vec<(u64, u64)>) -> BlockRules {
        self.age = descending(
            map.into_iter()
                .map(|(days, factor)| (days.saturating_mul(DAY), factor))
                .collect(),
        );
        self
    }

    /// Replaces the table of `repo-block-checksum-size-map`: (block size, checksum size), both in bytes, in any order.
    pub fn with_checksum_size_map(mut self, map: Vec<(u64, u64)>) -> BlockRules {
        self.checksum = descending(map);
        self
    }

    /// Block size in bytes for a file; `None`: it is stored whole. `age`: start of the backup minus the file's
    /// modification time, in seconds; negative for a file from the future.
    pub fn block_size(&self, file_size: u64, age: i64) -> Option<u64> {
        let base = find(&self.size, file_size)?;
        let factor = u64::try_from(age)
            .ok()
            .and_then(|age| find(&self.age, age))
            .unwrap_or(1);
        // A manifest with a larger block is refused by every reader.
        base.checked_mul(factor)
            .filter(|size| (1..=BLOCK_SIZE_MAX).contains(size))
    }

    /// Bytes of a block checksum for a block size in bytes.
    pub fn checksum_size(&self, block_size: u64) -> u64 {
        find(&self.checksum, block_size).unwrap_or(CHECKSUM_SIZE_MIN)
    }
}

fn descending(mut map: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    map.sort_unstable_by(|a, b| b.cmp(a));
    map
}

fn find(map: &[(u64, u64)], value: u64) -> Option<u64> {
    map.iter()
        .find(|(least, _)| value >= *least)
        .map(|(_, then)| *then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_block_sizes_follow_the_table() {
        let rules = BlockRules::default();
        let cases = [
            (0, None),
            (16 * KIB - 1, None),
            (16 * KIB, Some(8)),
            (11 * MIB - 1, Some(8)),
            (11 * MIB, Some(16)),
            (95 * MIB, Some(24)),
            (96 * MIB, Some(32)),
            (914 * MIB - 1, Some(80)),
            (1024 * MIB, Some(88)),
        ];
        for (file_size, block) in cases {
            assert_eq!(
                rules.block_size(file_size, 0),
                block.map(|kib| kib * KIB),
                "{file_size}"
            );
        }
    }

    #[test]
    fn older_files_get_larger_blocks_and_very_old_ones_none() {
        let rules = BlockRules::default();
        let day = DAY as i64;
        let size = |age| rules.block_size(MIB, age);
        assert_eq!(size(-5 * day), Some(8 * KIB));
        assert_eq!(size(7 * day - 1), Some(8 * KIB));
        assert_eq!(size(7 * day), Some(16 * KIB));
        assert_eq!(size(14 * day), Some(32 * KIB));
        assert_eq!(size(28 * day), None);
    }

    #[test]
    fn checksum_grows_with_the_block() {
        let rules = BlockRules::default();
        let cases = [
            (8 * KIB, 6),
            (32 * KIB, 7),
            (88 * KIB, 7),
            (128 * KIB, 8),
            (MIB, 10),
            (8 * MIB, 12),
        ];
        for (block, bytes) in cases {
            assert_eq!(rules.checksum_size(block), bytes, "{block}");
        }
    }

    #[test]
    fn configured_maps_replace_the_defaults_in_any_order() {
        let rules = BlockRules::default()
            .with_size_map(vec![(8 * KIB, 8 * KIB), (MIB, 64 * KIB)])
            .with_age_map(vec![(1, 2), (3, 0)])
            .with_checksum_size_map(vec![(8 * KIB, 16)]);
        assert_eq!(rules.block_size(4 * KIB, 0), None);
        assert_eq!(rules.block_size(9 * KIB, 0), Some(8 * KIB));
        assert_eq!(rules.block_size(2 * MIB, DAY as i64), Some(128 * KIB));
        assert_eq!(rules.block_size(2 * MIB, 3 * DAY as i64), None);
        assert_eq!(rules.checksum_size(64 * KIB), 16);
    }
}
