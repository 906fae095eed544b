//! How large the parts of an upload are: they grow, so that 10 000 of them hold a file of any legal size.

/// Largest part.
const LARGEST: usize = 1 << 30;
/// Parts grow after this one …
const GROW_AFTER: u32 = 205;
/// … until this one has the largest size.
const GROWN_AT: u32 = 9557;
/// Sizes are multiples of it.
const STEP: usize = 8 << 20;

/// Size of part `number` (from 1 on) where the first parts have `chunk_size`.
#[must_use]
pub fn part_size(chunk_size: usize, number: u32) -> usize {
    let chunk_size = chunk_size.clamp(1, LARGEST);
    if number <= GROW_AFTER {
        return chunk_size;
    }
    let grown = u64::from(number.min(GROWN_AT) - GROW_AFTER) * LARGEST as u64
        / u64::from(GROWN_AT - GROW_AFTER);
    let grown = usize::try_from(grown).unwrap_or(LARGEST);
    grown.next_multiple_of(STEP).clamp(chunk_size, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_the_largest_object_and_small_files_have_small_parts() {
        let chunk = 5 << 20;
        assert_eq!(part_size(chunk, 1), chunk);
        assert_eq!(part_size(chunk, 205), chunk);
        assert_eq!(part_size(chunk, 206), 8 << 20);
        assert_eq!(part_size(chunk, 9557), LARGEST);
        assert_eq!(part_size(chunk, 10_000), LARGEST);
        let all: u64 = (1..=10_000).map(|n| part_size(chunk, n) as u64).sum();
        assert!(all >= 5 << 40, "{all}");
        let sizes: Vec<usize> = (1..=10_000).map(|n| part_size(64 << 20, n)).collect();
        assert!(sizes.is_sorted() && sizes[0] == 64 << 20);
    }
}
