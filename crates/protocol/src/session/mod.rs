//! All sessions of one connection as a state machine without I/O: what may be sent, what was received, and which frames of
//! the other side are lies.
//!
//! A session ends when both sides have ended it. Its entry stays until nobody on this side has it either, so the number of
//! entries bounds everything that is kept for sessions.
//!
//! Flow control: a frame of a session takes room either in the session's own window or in one that all share. The sender says
//! which, and the reader gives it back once the frame has been read. The own window keeps every session going however slow the
//! others are; the shared one makes a few sessions fast. A session uses no more of it than it leaves for others.

mod entry;
mod receive;
mod send;
mod table;
mod take;

#[cfg(test)]
mod tests;

pub(crate) use receive::Event;
pub(crate) use send::Sent;
pub(crate) use table::{Batch, Side, Table};
pub(crate) use take::{Taken, Want};
