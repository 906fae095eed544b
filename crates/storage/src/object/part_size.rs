//! How large the parts of an upload are: they grow, so that 10 000 of them hold a file of any legal size.

/// Largest part.
const LARGEST: usize = 1 << 30;
/// Sizes are multiples of it.
const STEP: usize = 8 << 20;

/// From which part on they grow, as with pgBackRest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Parts grow after this one …
    after: u32,
    /// … until this one has the largest size.
    until: u32,
}

impl Growth {
    /// Where the first parts have 5 MiB.
    pub(crate) const S3: Self = Self {
        after: 205,
        until: 9557,
    };
    /// Where they have 4 MiB.
    pub(crate) const AZURE_AND_GCS: Self = Self {
        after: 257,
        until: 9505,
    };
}

/// Size of part `number` (from 1 on) where the first parts have `chunk_size`.
pub(crate) fn part_size(growth: Growth, chunk_size: usize, number: u32) -> usize {
    let chunk_size = chunk_size.clamp(1, LARGEST);
    if number <= growth.after {
        return chunk_size;
    }
    let grown = u64::from(number.min(growth.until) - growth.after) * LARGEST as u64
        / u64::from(growth.until - growth.after);
    let grown = usize::try_from(grown).unwrap_or(LARGEST);
    grown.next_multiple_of(STEP).clamp(chunk_size, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_the_largest_object_and_small_files_have_small_parts() {
        for (growth, chunk) in [(Growth::S3, 5 << 20), (Growth::AZURE_AND_GCS, 4 << 20)] {
            assert_eq!(part_size(growth, chunk, 1), chunk);
            assert_eq!(part_size(growth, chunk, growth.after), chunk);
            assert_eq!(part_size(growth, chunk, growth.after + 1), 8 << 20);
            assert_eq!(part_size(growth, chunk, growth.until), LARGEST);
            assert_eq!(part_size(growth, chunk, 10_000), LARGEST);
            let size = |number| part_size(growth, chunk, number) as u64;
            let all: u64 = (1..=10_000).map(size).sum();
            assert!(all >= 5 << 40, "{all}");
            let sizes: Vec<usize> = (1..=10_000)
                .map(|number| part_size(growth, 64 << 20, number))
                .collect();
            assert!(sizes.is_sorted() && sizes[0] == 64 << 20);
        }
    }
}
