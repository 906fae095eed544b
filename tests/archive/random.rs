//! Numbers drawn with the seed of the suite.

/// splitmix64
pub struct Random(u64);

impl Random {
    /// Each test draws from a sequence of its own.
    pub fn of(test: u64) -> Self {
        Self(pgkeep_testkit::suite::seed().wrapping_mul(1000) + test)
    }

    /// One of 0 to `bound` - 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
