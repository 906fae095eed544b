//! `[target:link]`: symbolic links of the cluster, tablespaces included.

use super::owner::OwnerId;

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Manifest name: `pg_data/pg_tblspc/16384`.
    pub name: Vec<u8>,
    /// Destination as written in the link, perhaps relative.
    pub destination: Vec<u8>,
    /// `None`: no name for the owner's number.
    pub user: Option<OwnerId>,
    pub group: Option<OwnerId>,
}
