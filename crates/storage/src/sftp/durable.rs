//! How sure one can be that what was stored survives a crash of the server.

use super::protocol::extension::Server;

/// The best this server allows. The directory entry of a new file depends on the server's file system in any case:
/// SFTP cannot sync a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Each file is fsynced before it counts.
    Fsynced,
    /// The server has no fsync: info files, manifests and WAL are read back and compared.
    ReRead,
}

impl Durability {
    pub(crate) fn of(server: &Server) -> Self {
        if server.fsync {
            Self::Fsynced
        } else {
            Self::ReRead
        }
    }

    /// `fsynced` or `re-read`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fsynced => "fsynced",
            Self::ReRead => "re-read",
        }
    }
}
