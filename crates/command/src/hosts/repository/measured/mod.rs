//! Size and SHA-1 of what a repository holds, measured on the host that has it: of a repository elsewhere no stored byte crosses.
//!
//! `file` is what is asked and told, `local` reads the files, and `measure` has it done where the repository is.

pub mod file;
pub mod local;
mod measure;

pub use measure::Measure;
