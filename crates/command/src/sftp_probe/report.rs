//! Everything that was measured on one server.

use pgkeep_storage::sftp::examine::{Greeting, Handshake, Limits};

use super::append_only::AppendOnly;
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
    pub(super) append_only: AppendOnly,
    /// `repo-sftp-append-only` is set.
    pub(super) says_append_only: bool,
    /// `None` where the account cannot remove what it writes.
    pub(super) measured: Option<(Behavior, Speed)>,
    pub(super) capacity: Capacity,
}
