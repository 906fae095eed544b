//! How far recovery from a set leads, and whether the target lies within.

mod extent;
#[cfg(test)]
mod tests;
mod verdict;

pub(super) use extent::{Extent, Gap, Needs, follow};
pub(super) use verdict::{Facts, Last, Verdict, verdict};
