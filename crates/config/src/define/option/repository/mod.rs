//! Options of repositories, one file per subject.
//!
//! Index 1 exists even if nothing was said about it; keys need not be contiguous.

mod azure;
mod base;
mod bundle;
mod gcs;
mod host;
mod retention;
mod s3;
mod sftp;
mod storage;

pub use azure::*;
pub use base::*;
pub use bundle::*;
pub use gcs::*;
pub use host::*;
pub use retention::*;
pub use s3::*;
pub use sftp::*;
pub use storage::*;
