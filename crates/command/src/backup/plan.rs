//! What this backup does, once it is known what it is built on.
//!
//! A diff or incr cannot choose everything anew: compression and page checksums are those of the backup it depends on,
//! since one manifest describes files of both. The options stay as the user gave them; the differences stand here.

use pgkeep_pipeline::CompressType;
use pgkeep_repo::{BackupType, Manifest};

use super::settings::Settings;

/// By which a cluster shrinks, more often than not.
const USUAL_RATIO: u64 = 3;

/// The settings in effect where they can differ from the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub backup_type: BackupType,
    pub compress: CompressType,
    pub level: i32,
    pub checksum_page: bool,
    /// Compare files by checksum; switched on when time stamps cannot be trusted.
    pub delta: bool,
}

impl Plan {
    /// The plan as the options and the cluster have it. `cluster_checksums`: its pages have checksums.
    pub(super) fn new(settings: &Settings, cluster_checksums: bool) -> Self {
        let checksum_page = match settings.checksum_page {
            // An offline cluster is not asked: false positives are likely there, so it is for the user to switch on.
            None => settings.online && cluster_checksums,
            Some(true) if settings.online && !cluster_checksums => {
                log::warn!(
                    "checksum-page option set to true but checksums are not enabled on the cluster, resetting to false"
                );
                false
            }
            Some(wanted) => wanted,
        };
        Self {
            backup_type: settings.backup_type,
            compress: settings.compress,
            level: settings.compress_level,
            checksum_page,
            delta: settings.delta,
        }
    }

    /// About how many bytes go into the repository. With delta nobody knows before the files have been read.
    pub(super) fn estimate(&self, manifest: &Manifest) -> u64 {
        if self.delta {
            return 0;
        }
        let copied = manifest.files().filter(|file| file.copy);
        let bytes: u64 = copied.map(|file| file.size_original).sum();
        match self.compress {
            CompressType::None => bytes,
            _ => bytes / USUAL_RATIO,
        }
    }
}
