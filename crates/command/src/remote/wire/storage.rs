//! What is asked of a repository on another host, and what it answers.
//!
//! Plain values. Fields that an earlier release does not send have defaults, those of a later one are ignored.

use pgkeep_pipeline::Report;
use pgkeep_storage::{ListOptions, Range, ReadOptions, WriteMode, WriteOptions};
use serde::{Deserialize, Serialize};

use super::entry::{WireEntry, WireLevel, WireSpace};
use super::measure::WireStored;
use super::path::WireBytes;
use super::range::WireRange;
use super::secret::WireSecret;

/// Paths that are sent with one request at most.
pub const MOST_PATHS: usize = 500;
/// About so many bytes of paths are sent with one request.
pub const MOST_PATH_BYTES: usize = 128 * 1024;
/// Pieces of one file that are asked for at once.
pub const MOST_RANGES: usize = 4096;
/// Longest pipeline that is taken.
pub const LONGEST_PIPELINE: usize = 64 * 1024;

/// The first value of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageRequest {
    /// → [`Infos`]
    Info {
        paths: Vec<WireBytes>,
        #[serde(default)]
        level: WireLevel,
    },
    /// → [`super::entry::Entries`], several
    List(WireList),
    /// The same for a tree.
    ListTree(WireList),
    /// → [`Opened`], bytes, [`ReadEnd`]
    OpenRead(OpenRead),
    /// [`Written`] answers bytes and [`AmongBytes`].
    OpenWrite(OpenWrite),
    /// → [`Written`]
    CopyWithin { from: WireBytes, to: WireBytes },
    /// → [`RemovedMany`]
    Remove {
        paths: Vec<WireBytes>,
        /// Nobody wants to know which were there: the answer is empty.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        untold: bool,
    },
    /// → [`RemovedMany`]
    RemoveTrees { paths: Vec<WireBytes> },
    /// → [`Count`]
    RemoveLeftOvers {
        path: WireBytes,
        #[serde(default)]
        deep: bool,
    },
    /// → [`super::protection::KeptFiles`]
    KeptUntil { paths: Vec<WireBytes> },
    /// → [`super::protection::WireBucket`]
    BucketProtection {},
    /// → [`SpaceOf`]
    Space { path: WireBytes },
    /// → [`Grade`]
    Durability { mode: WireMode },
    /// → [`Done`]
    CreatePaths { paths: Vec<WireBytes>, mode: u32 },
    /// → [`Done`]
    SyncPaths { paths: Vec<WireBytes> },
    /// → [`Done`]
    Link {
        path: WireBytes,
        destination: WireBytes,
    },
    /// → [`Done`]
    HardLink { from: WireBytes, to: WireBytes },
    /// → [`Done`], for which nobody waits.
    Announce {
        #[serde(default)]
        bytes: u64,
    },
    /// As [`StorageRequest::OpenRead`]: an info file or a manifest in plain text.
    ReadInfo {
        path: WireBytes,
        /// A manifest comes without the key of its set.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        without_key: bool,
    },
    /// → [`super::measure::MeasureEvent`], several for each file. Its bytes stay there.
    Measure { files: Vec<WireStored> },
    /// → [`ArchiveIdentity`]
    ArchiveIdentity {},
    /// → [`FoundSegment`]
    FindSegment { segment: String },
    /// → [`SegmentContent`]
    CheckSegment { file: String },
    /// As [`StorageRequest::OpenWrite`]. The repository's host encrypts.
    PushSegment(PushSegment),
    /// → [`CipherPass`]
    CipherPass {},
}

/// What is to be listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireList {
    pub path: WireBytes,
    #[serde(default)]
    pub level: WireLevel,
    #[serde(default)]
    pub sort: bool,
}

impl WireList {
    #[must_use]
    pub fn options(&self) -> ListOptions {
        ListOptions {
            level: self.level.into(),
            sort: self.sort,
        }
    }
}

/// A file that is to be read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenRead {
    pub path: WireBytes,
    /// Pieces in order; none: the whole file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<WireRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// What happens to the bytes before they are sent: a [`pgkeep_pipeline::Pipeline`] follows, as bytes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pipeline: bool,
    /// Only the reports are wanted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reports_only: bool,
    /// Level of the lz4 that the bytes are sent in, which is undone where they arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lz4: Option<i32>,
}

impl OpenRead {
    /// `ranges` in place of those of `read`.
    #[must_use]
    pub fn new(path: WireBytes, read: &ReadOptions, ranges: &[Range]) -> Self {
        Self {
            path,
            ranges: ranges.iter().copied().map(WireRange::from).collect(),
            expect: read.expect,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            ranges: self.ranges.iter().copied().map(Range::from).collect(),
            expect: self.expect,
            lazy_open: false,
            compressible: false,
        }
    }
}

/// The file is open.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Opened {}

/// The file was read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadEnd {
    /// Bytes that were sent.
    pub size: u64,
    /// One for each stage of the pipeline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
}

/// How a file comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireMode {
    #[default]
    Atomic,
    InPlace,
}

impl From<WriteMode> for WireMode {
    fn from(mode: WriteMode) -> Self {
        match mode {
            WriteMode::Atomic => Self::Atomic,
            WriteMode::InPlace => Self::InPlace,
        }
    }
}

impl From<WireMode> for WriteMode {
    fn from(mode: WireMode) -> Self {
        match mode {
            WireMode::Atomic => Self::Atomic,
            WireMode::InPlace => Self::InPlace,
        }
    }
}

/// A file that is to be written. What is missing is as in [`WriteOptions::default`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenWrite {
    pub path: WireBytes,
    pub mode: WireMode,
    pub file_mode: u32,
    pub path_mode: u32,
    pub create_path: bool,
    pub sync: bool,
    pub sync_path: bool,
    pub truncate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// The bytes come in lz4, which is undone before they are stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lz4: bool,
}

impl Default for OpenWrite {
    fn default() -> Self {
        Self::new(WireBytes::default(), &WriteOptions::default())
    }
}

impl OpenWrite {
    #[must_use]
    pub fn new(path: WireBytes, write: &WriteOptions) -> Self {
        Self {
            path,
            mode: write.mode.into(),
            file_mode: write.file_mode,
            path_mode: write.path_mode,
            create_path: write.create_path,
            sync: write.sync,
            sync_path: write.sync_path,
            truncate: write.truncate,
            expect: write.expect,
            owner: write.owner,
            time: write.modified,
            lz4: false,
        }
    }

    #[must_use]
    pub fn options(&self) -> WriteOptions {
        WriteOptions {
            mode: self.mode.into(),
            file_mode: self.file_mode & 0o777,
            path_mode: self.path_mode & 0o777,
            create_path: self.create_path,
            sync: self.sync,
            sync_path: self.sync_path,
            truncate: self.truncate,
            expect: self.expect,
            owner: self.owner,
            modified: self.time,
            compressible: false,
        }
    }
}

/// A value among the bytes of a file that is written, or behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmongBytes {
    /// Brings all that came so far to the storage.
    Stage {},
    /// That was all, so many bytes. Without it nothing is published.
    Finish { size: u64 },
    /// The file is not wanted. Answered when nothing is left of it.
    GiveUp {},
}

/// The file is published and durable, or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// Bytes that the storage holds.
    pub size: u64,
}

/// What is known of each path, in the order asked. The names are those that were asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Infos {
    pub infos: Vec<Option<WireEntry>>,
}

/// Whether each was there, in the order asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RemovedMany {
    pub removed: Vec<bool>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    pub count: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpaceOf {
    pub space: Option<WireSpace>,
}

/// The name of a [`pgkeep_storage::Durability`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Grade {
    pub grade: String,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {}

/// Of which cluster the archive is. The key of its WAL is not told: who only pushes needs none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArchiveIdentity {
    /// `17-1`
    pub archive_id: String,
    pub version: String,
    pub system_id: u64,
}

/// A file for the archive, compressed and not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PushSegment {
    /// `<segment>-<checksum>.<extension>`, or the plain name of a file that is no segment.
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The archive that the file is for.
    pub identity: ArchiveIdentity,
    /// As in [`OpenWrite`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lz4: bool,
}

/// The name in the archive, if the segment is there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundSegment {
    pub file: Option<String>,
}

/// Whether a stored segment has the checksum of its name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SegmentContent {
    /// Why not.
    pub damaged: Option<String>,
}

/// The passphrase of the repository, for those who may have it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CipherPass {
    pub pass: Option<WireSecret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests as the first release writes them; how they are read must never change.
    const GOLDEN: [&str; 26] = [
        r#"{"info":{"paths":["archive/demo",{"base64":"/w=="}],"level":"detail"}}"#,
        r#"{"list":{"path":"","level":"exists","sort":true}}"#,
        r#"{"list_tree":{"path":"backup/demo","level":"type","sort":false}}"#,
        r#"{"open_read":{"path":"a","ranges":[{"offset":3,"length":4},{"offset":9}],"expect":7,"pipeline":true,"reports_only":true}}"#,
        r#"{"open_write":{"path":"a","mode":"in_place","file_mode":384,"path_mode":448,"create_path":false,"sync":false,"sync_path":false,"truncate":false,"expect":5,"owner":[1,2],"time":-3}}"#,
        r#"{"open_read":{"path":"a","ranges":[{"offset":3,"length":4}],"lz4":1}}"#,
        r#"{"open_write":{"path":"a","mode":"in_place","file_mode":384,"path_mode":448,"create_path":false,"sync":false,"sync_path":false,"truncate":false,"lz4":true}}"#,
        r#"{"copy_within":{"from":"a","to":"b"}}"#,
        r#"{"remove":{"paths":["a"]}}"#,
        r#"{"remove":{"paths":["a"],"untold":true}}"#,
        r#"{"remove_trees":{"paths":["a"]}}"#,
        r#"{"remove_left_overs":{"path":"a","deep":true}}"#,
        r#"{"kept_until":{"paths":["a"]}}"#,
        r#"{"space":{"path":"a"}}"#,
        r#"{"durability":{"mode":"atomic"}}"#,
        r#"{"create_paths":{"paths":["a"],"mode":488}}"#,
        r#"{"sync_paths":{"paths":["a"]}}"#,
        r#"{"link":{"path":"a","destination":"../b"}}"#,
        r#"{"hard_link":{"from":"a","to":"b"}}"#,
        r#"{"read_info":{"path":"archive/demo/archive.info"}}"#,
        r#"{"read_info":{"path":"archive/demo/archive.info","without_key":true}}"#,
        r#"{"measure":{"files":[{"path":"a","stored":7}]}}"#,
        r#"{"find_segment":{"segment":"000000010000000100000001"}}"#,
        r#"{"check_segment":{"file":"a"}}"#,
        r#"{"push_segment":{"file":"a","size":7,"identity":{"archive_id":"17-1","version":"17","system_id":9}}}"#,
        r#"{"push_segment":{"file":"a","identity":{"archive_id":"17-1","version":"17","system_id":9},"lz4":true}}"#,
    ];

    #[test]
    fn requests_are_read_and_written_as_by_the_first_release() {
        for golden in GOLDEN {
            let request: StorageRequest = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&request).unwrap(), golden);
        }
    }

    #[test]
    fn fields_of_a_later_release_are_ignored_and_missing_ones_have_defaults() {
        for golden in GOLDEN {
            let (head, tail) = golden.split_at(golden.len() - 2);
            let later = format!("{head},\"later\":{{\"x\":[1]}}{tail}");
            let request: StorageRequest = serde_json::from_str(&later).unwrap();
            assert_eq!(serde_json::to_string(&request).unwrap(), golden);
        }
        let write: OpenWrite = serde_json::from_str(r#"{"path":"a"}"#).unwrap();
        let usual = OpenWrite::new(WireBytes(b"a".to_vec()), &WriteOptions::default());
        assert_eq!(write, usual);
        let list: WireList = serde_json::from_str(r#"{"path":"a"}"#).unwrap();
        assert!(!list.sort && list.level == WireLevel::Basic);
        let end: ReadEnd = serde_json::from_str(r#"{"size":3,"speed":9}"#).unwrap();
        assert_eq!((end.size, end.reports.len()), (3, 0));
        let finish: AmongBytes = serde_json::from_str(r#"{"finish":{"size":3,"x":1}}"#).unwrap();
        assert_eq!(finish, AmongBytes::Finish { size: 3 });
    }

    #[test]
    fn a_request_that_is_not_known_is_an_error() {
        assert!(serde_json::from_str::<StorageRequest>(r#"{"format_disk":{}}"#).is_err());
    }

    #[test]
    fn permission_bits_are_all_that_is_taken_of_a_mode() {
        let write: OpenWrite = serde_json::from_str(r#"{"file_mode":4294967295}"#).unwrap();
        assert_eq!(write.options().file_mode, 0o777);
    }
}
