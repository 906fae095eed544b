//! Talking to pgkeep on another host, over any pair of byte streams.
//!
//! A client and a server greet each other, and agree on a protocol version and on what both can do. Then the client opens
//! sessions: each is a conversation of messages (serde values) and bytes in both directions, which a thread of the server
//! serves. Many sessions share one connection. Nothing here knows what the messages say, or what carries the bytes.
//!
//! The invariant: whatever the other side sends, it gets an error or an answer and never more memory than `Limits` says, and
//! no wait outlives a dead peer by more than `Pace` says.

mod carry;
mod client;
mod connection;
mod error;
mod exchange;
mod frame;
mod greeting;
mod limits;
mod memory;
mod message;
mod printable;
mod raised;
pub mod replay;
mod server;
mod session;
mod settings;
mod streams;
mod timer;
#[cfg(feature = "faulty")]
mod watched;

#[cfg(test)]
mod tests;

pub use client::{Client, Download, Pending, Upload};
pub use connection::{Aborter, Canceller};
pub use error::{Error, ErrorKind, Result};
pub use exchange::Exchange;
pub use frame::Lane;
pub use greeting::Peer;
pub use limits::Limits;
pub use memory::memory_pair;
pub use raised::Raised;
pub use server::{Guest, Service, accept};
pub use settings::{Pace, Settings};
pub use streams::{Closing, Streams};
pub use timer::{Alarm, ManualTimer, SystemTimer, Timer};
#[cfg(feature = "faulty")]
pub use watched::Watcher;
