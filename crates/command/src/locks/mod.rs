//! What keeps runs apart: lock files, and stop files.

mod data;
pub mod holder;
mod lock;
mod other;
pub mod stop_file;

pub use data::LockData;
pub use lock::*;
pub use other::{LockState, list, remove, state};

#[cfg(test)]
mod tests;
