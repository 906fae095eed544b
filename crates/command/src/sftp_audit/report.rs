//! Everything that was found out about one server.

use pgkeep_storage::sftp::examine::Handshake;

use crate::report::findings::Findings;
use crate::report::sftp_server::Server;

/// What the renderers are given.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) server: Server,
    pub(super) handshake: Handshake,
    pub(super) findings: Findings,
}
