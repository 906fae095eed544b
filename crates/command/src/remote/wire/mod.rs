//! The messages between hosts: plain values with defaults and no behaviour, and conversions to the types of lower layers.
//!
//! A field that a release does not know is ignored, and one that is missing has its default. So releases one apart understand
//! each other. The invariant: no message can show a secret by `Debug`.

pub mod cluster;
pub mod entry;
pub mod error;
pub mod greeting;
pub mod measure;
pub mod path;
pub mod protection;
pub mod range;
pub mod secret;
pub mod session;
pub mod storage;
