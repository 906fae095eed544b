//! Storages around a storage: they count, slow down, delay on paper, or fail on purpose.
//!
//! A wrapper changes nothing of what the inner storage holds; every wrapper but the read-only one keeps the whole contract and
//! is run through the conformance cases.

#[cfg(feature = "faulty")]
pub mod faulty;
pub mod latency;
pub mod limited;
pub mod read_only;
