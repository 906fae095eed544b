//! What is drawn at random: the same for the same seed.

use pgkeep_testkit::suite::seed;

/// Whether all is wanted.
pub fn full() -> bool {
    std::env::var_os("PGKEEP_TEST_FULL").is_some()
}

/// Numbers drawn for one purpose.
pub struct Draw(u64);

impl Draw {
    /// Another purpose gets other numbers.
    pub fn of(purpose: &str) -> Self {
        let start = purpose.bytes().fold(seed(), |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(start)
    }

    /// A number below `limit` (splitmix64).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}
