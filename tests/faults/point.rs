//! Which operations of a run get a fault, and which fault.

use pgkeep_testkit::suite::seed;

/// Points of a default run, besides the last ones; errors are also tried in unit tests.
const KILLS: u64 = 10;
const ERRORS: u64 = 6;
/// At the end of a run things are published: the last operations are always visited.
const LAST: u64 = 6;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Kill,
    Error,
}

/// Every fault in the form that `PGKEEP_TEST_FAULT` takes, for a run of so many operations; a sample of a `share` of the
/// usual size unless all are wanted.
pub fn points(fault: Fault, operations: u64, share: u64) -> Vec<String> {
    let (kinds, sample): (&[&str], u64) = match fault {
        Fault::Kill => (&["kill", "torn-kill"], KILLS),
        Fault::Error => (&["error", "no-space", "torn-error"], ERRORS),
    };
    let sample = sample / share;
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let mut numbers: Vec<u64> = if full {
        (1..=operations).collect()
    } else {
        // One at random in each of equal parts.
        let before = operations.saturating_sub(LAST);
        let part = (before / sample).max(1);
        let mut random = seed();
        let mut drawn: Vec<u64> = (0..before.min(sample))
            .map(|number| number * part + next(&mut random) % part + 1)
            .collect();
        drawn.extend(before + 1..=operations);
        drawn
    };
    numbers.dedup();
    numbers
        .iter()
        .zip(kinds.iter().cycle())
        .map(|(number, kind)| format!("{kind}:{number}"))
        .collect()
}

/// splitmix64
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
