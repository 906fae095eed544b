//! What was opened for a client.

use pgkeep_protocol::Service;

use crate::remote::wire::greeting::Answer;

/// The answer to its greeting, and what serves its sessions.
pub(super) struct Opened {
    pub(super) answer: Answer,
    pub(super) service: Box<dyn Service>,
}
