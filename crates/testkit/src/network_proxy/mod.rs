//! A bad network: a TCP proxy on a loopback port that delays, cuts or stalls connections.
//!
//! Delay is added in each direction to every piece of data without limiting how much is under way, so it acts like
//! distance. A cut or stall happens at a count of pieces or bytes, never at a time, and so is the same in every run.

mod connection;
mod counters;
mod network;
mod proxy;
#[cfg(test)]
mod tests;

pub use network::Network;
pub use proxy::NetworkProxy;
