//! Many requests under way at once: channels that match answers to requests, and the pool of connections they are on.
//!
//! Everything here is async and runs on the backend's own runtime. A request whose connection was lost comes back as
//! [`channel::Lost`]; who asked decides whether it may be asked again.

pub(crate) mod channel;
pub(crate) mod chunk;
pub(crate) mod counters;
pub(crate) mod directories;
pub(crate) mod pool;
pub(crate) mod retry;
pub(crate) mod retry_limit;
mod unsettled;
