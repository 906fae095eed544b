//! A running connection: three threads around the table of sessions.
//!
//! The reader takes frames from the stream and never waits for anybody else, so the other side can always write. The writer
//! brings frames to the stream. The keeper shows signs of life, notices that the other side shows none, and closes what
//! carries the bytes. Whoever ends the connection first says why, and everybody who waits gets that error.

mod core;
mod greet;
mod handle;
mod keeper;
mod reader;
mod start;
mod vigil;
mod writer;

pub use self::core::Canceller;
pub(crate) use self::core::{Core, Done, Ending, Watch};
pub use handle::Aborter;
pub(crate) use handle::Handle;
pub(crate) use start::start;
