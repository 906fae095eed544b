//! Faults of an object store, made by a front with TLS that reads every request and answer.
//!
//! A [`Plan`] says which requests get which [`Fault`]: by a predicate and a count, never at a time, so that every run is the
//! same. Everything else is passed on. [`FaultyFront`] counts requests by what they ask, with their bytes.

mod asked;
mod connection;
mod fault;
mod front;
mod message;
mod plan;
mod server;

pub use asked::{Asked, What};
pub use fault::{Fault, Refusal};
pub use front::FaultyFront;
pub use plan::{Count, Plan};
