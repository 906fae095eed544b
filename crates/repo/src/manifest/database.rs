//! `[db]`: the databases of the cluster at the time of an online backup.

/// One database; selective restore finds its directory by `oid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Name, in the encoding of the cluster.
    pub name: Vec<u8>,
    pub oid: u32,
    /// Highest oid that initdb gave out: databases above it are the user's.
    pub last_system_oid: u32,
}
