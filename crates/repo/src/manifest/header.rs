//! `[backup]`, `[backup:db]` and `[backup:option]`: what the backup is of and how it was made.

use pgkeep_pipeline::CompressType;

use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;

/// `[backup]` without the references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupHeader {
    /// `None` only while a backup is prepared.
    pub label: Option<BackupLabel>,
    /// The backup this one depends on.
    pub prior: Option<BackupLabel>,
    pub backup_type: BackupType,
    /// First WAL segment; `None`: offline.
    pub archive_start: Option<String>,
    /// Last WAL segment; `None`: offline or not finished.
    pub archive_stop: Option<String>,
    pub lsn_start: Option<String>,
    pub lsn_stop: Option<String>,
    /// Files are stored block-incrementally where that pays.
    pub block_incr: bool,
    /// Small files are stored in bundles.
    pub bundle: bool,
    /// Bundled files are compressed and encrypted without headers; one value for a whole full set.
    pub bundle_raw: bool,
    /// Start of copying: whatever changes later has a later modification time. Seconds since 1970.
    pub timestamp_copy_start: i64,
    pub timestamp_start: i64,
    /// 0 while the backup runs.
    pub timestamp_stop: i64,
}

impl BackupHeader {
    /// Header of a backup that began at `timestamp_start`.
    #[must_use]
    pub fn new(backup_type: BackupType, timestamp_start: i64) -> Self {
        Self {
            label: None,
            prior: None,
            backup_type,
            archive_start: None,
            archive_stop: None,
            lsn_start: None,
            lsn_stop: None,
            block_incr: false,
            bundle: false,
            bundle_raw: false,
            timestamp_copy_start: 0,
            timestamp_start,
            timestamp_stop: 0,
        }
    }
}

/// `[backup:db]`: the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PgInfo {
    /// History id of `backup.info`.
    pub id: u32,
    pub system_id: u64,
    /// `17`, `9.6`.
    pub version: String,
    pub catalog_version: u32,
    pub control_version: u32,
}

/// `[backup:option]`: options in effect. `None`: not in the file (old or partial manifests).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOptions {
    pub archive_check: bool,
    pub archive_copy: bool,
    pub backup_standby: Option<bool>,
    /// Bytes.
    pub buffer_size: Option<u32>,
    pub checksum_page: Option<bool>,
    pub compress_type: CompressType,
    pub compress_level: Option<i32>,
    pub compress_level_network: Option<i32>,
    pub delta: Option<bool>,
    pub hardlink: bool,
    pub online: bool,
    pub process_max: Option<u32>,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            archive_check: false,
            archive_copy: false,
            backup_standby: None,
            buffer_size: None,
            checksum_page: None,
            compress_type: CompressType::None,
            compress_level: None,
            compress_level_network: None,
            delta: None,
            hardlink: false,
            online: false,
            process_max: None,
        }
    }
}
