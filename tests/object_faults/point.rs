//! Which of a run's requests or operations are visited.

use pgkeep_testkit::suite::seed;

/// At the end of a run things are published.
const LAST: u64 = 2;

/// Whether every point is wanted.
pub fn all_wanted() -> bool {
    std::env::var_os("PGKEEP_TEST_FULL").is_some()
}

/// Numbers from 1 to `count`: one at random of each of equal parts, and the last ones; all of them if wanted.
pub fn points(count: u64, sample: u64) -> Vec<u64> {
    // Of few points at least half are anywhere.
    let last = LAST.min(sample / 2);
    let before = count.saturating_sub(last);
    if all_wanted() || count <= sample {
        return (1..=count).collect();
    }
    let sample = (sample - last).min(before);
    let mut state = seed();
    let mut drawn: Vec<u64> = (0..sample)
        .map(|number| {
            let (from, to) = (number * before / sample, (number + 1) * before / sample);
            from + next(&mut state) % (to - from).max(1) + 1
        })
        .collect();
    drawn.extend(before + 1..=count);
    drawn.dedup();
    drawn
}

/// splitmix64
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
