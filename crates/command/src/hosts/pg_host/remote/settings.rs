//! How a cluster on another host is used.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_storage::RateLimit;

/// What the configuration says of the cluster.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    pub key: u32,
    /// The data directory by the configuration of this host. What the other host says of it counts.
    pub path: PathBuf,
    /// Level of the compression for the way between the hosts (`compress-level-network`); 0: none.
    pub network_level: i32,
    /// How fast its files may be read.
    pub limit: Option<Arc<RateLimit>>,
}
