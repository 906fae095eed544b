//! HTTP for object stores: one client for each storage, on rustls, with repetition of what may be repeated.
//!
//! Nothing here knows S3, Azure or GCS. A store says how a request is authorized and what of an answer is worth another
//! try ([`Service`]). HTTP/1.1 only: several connections carry more than the one window of HTTP/2, and proxies before
//! compatible stores give HTTP/2 uploads a window of 64 KiB.

mod answer;
mod body;
mod client;
mod clock;
mod counted;
mod encode;
mod endpoint;
mod error;
mod lost;
mod named;
mod no_keys;
mod now;
mod renewed;
mod request;
mod retry;
#[cfg(test)]
pub(crate) mod scripted;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod unsigned;

pub(crate) use answer::Answer;
pub(crate) use client::{Client, Service, Verdict, verdict_by_status};
pub(crate) use clock::ServerClock;
pub(crate) use encode::{percent_decode, percent_encode};
pub use endpoint::Endpoint;
pub(crate) use error::{HttpError, Outcome};
pub(crate) use no_keys::NoKeys;
pub use now::Now;
pub(crate) use now::seconds_of_header;
pub(crate) use renewed::{Renewed, Temporary};
pub(crate) use request::Request;
pub(crate) use retry::Retry;
pub use settings::{HttpSettings, Proxy};
pub(crate) use unsigned::{Unsigned, lets_everybody_in};
