//! Bytes in, bytes out: compression, encryption, hashes, page checks and the block incremental form.
//!
//! A [`Pipeline`] is data, a [`Running`] is that data at work, a [`Report`] is what a stage measured. Nothing here opens
//! a file, logs, knows a path or starts a thread. Bad input is an [`Error`], never a panic.

pub mod block;
pub mod cipher;
pub mod compress;
pub mod error;
pub mod hash;
pub mod page_check;
pub mod reader;
pub mod report;
pub mod run;
mod secret;
pub mod stage;
mod start;
mod transform;

pub use compress::CompressType;
pub use error::{Error, ErrorKind, Result};
pub use hash::{Sha1, Sha1Digest};
pub use page_check::{PageCheckSettings, Reread};
pub use reader::RunningReader;
pub use report::{BlockReport, PageReport, Report};
pub use run::Running;
pub use stage::{Pipeline, Stage};
