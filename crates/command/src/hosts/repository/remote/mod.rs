//! A repository on another host, as a storage.
//!
//! `reach` is the host and how it is asked, `storage` the contract of a storage over it, `read` and `write` its files. What a
//! host does beyond a storage is in `service`.

mod paths;
mod reach;
mod read;
mod storage;
#[cfg(test)]
mod tests;
mod write;

pub use storage::RemoteStorage;
