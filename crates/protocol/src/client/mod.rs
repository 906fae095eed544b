//! The side that asks: opens connections and sessions, and has shapes for the usual requests.
//!
//! A request can be one answer ([`Client::call`]), an answer that is waited for later ([`Client::ask`]), bytes down
//! ([`Client::read`]), bytes up ([`Client::write`]), or any conversation ([`Client::open`]). Requests do not wait for each
//! other: as many are under way as were made.

mod connect;
mod pending;
mod transfer;

pub use connect::Client;
pub use pending::Pending;
pub use transfer::{Download, Upload};
