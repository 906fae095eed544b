//! Everything that was measured on one server.

use pgkeep_storage::sftp::examine::{Greeting, Handshake, Limits};

use super::behavior::Behavior;
use super::capacity::Capacity;
use super::speed::Speed;
use crate::report::sftp_server::Server;

/// What the renderers and the advice are given.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) server: Server,
    pub(super) handshake: Handshake,
    pub(super) greeting: Greeting,
    pub(super) limits: Option<Limits>,
    pub(super) behavior: Behavior,
    pub(super) capacity: Capacity,
    pub(super) speed: Speed,
}
