//! A repository on another host, as a storage.
//!
//! `reach` is the host and how it is asked, `storage` the contract of a storage over it, `read` and `write` its files. What
//! the host does beyond a storage is in `segments`, for a push, and in `measure`. `open` says which keys a run gets, `compress`
//! which bytes are compressed for the way.

mod compress;
mod measure;
mod open;
mod paths;
mod protection;
mod reach;
mod read;
mod segments;
mod storage;
#[cfg(test)]
mod tests;
mod write;

pub use open::open;
pub use read::PlainInfo;
pub use storage::RemoteStorage;
