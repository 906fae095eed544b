//! The side that serves: takes a client in or refuses it, and gives each session a thread.

mod accept;
mod lanes;
mod service;

pub use accept::{Guest, accept};
pub use service::Service;
