//! The greeting: finding the other side's first word after whatever was printed before, and what both then tell each other.
//!
//! Each side sends a marker and a [`Hello`](hello::Hello) at once, without waiting for the other. Before its marker a server
//! prints a line for pgBackRest.

mod agree;
mod hello;
mod marker;

pub use agree::Peer;
pub(crate) use agree::agree;
pub(crate) use hello::Hello;
pub(crate) use marker::{Found, MARKER, Search, first_line};
