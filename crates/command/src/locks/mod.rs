//! What keeps runs apart: lock files, and stop files.

mod data;
pub mod holder;
mod lock;
mod lock_file;
mod named;
mod other;
mod path;
mod share;
pub mod stop_file;
mod turn;
mod wanted;

pub use data::LockData;
pub use lock::*;
pub use named::take_named;
pub use other::{LockState, list, remove, state};
pub use path::path;
pub use share::Share;
pub use turn::Turn;
pub use wanted::{names, types};

#[cfg(test)]
mod tests;
