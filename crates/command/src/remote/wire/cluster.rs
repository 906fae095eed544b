//! What is asked of a cluster on another host, and what it answers; the messages of a database session are in `session`.
//!
//! Plain values. Fields that an earlier release does not send have defaults, those of a later one are ignored.

use pgkeep_pipeline::Report;
use serde::{Deserialize, Serialize};

use super::entry::{WireEntry, WireLevel, WireSpace};
use super::path::WireBytes;
use crate::error::{Error, ErrorCode, Result};

/// Longest written form of a pipeline. Most of it is the map of the prior backup: about 100 bytes for each block of at least a
/// page, so ten megabytes for a segment of a relation.
pub const LONGEST_PIPELINE: usize = 64 * 1024 * 1024;
/// Longest written form of the reports of a file. Most of it is the list of bad pages: 20 bytes for every second page at most.
pub const LONGEST_REPORTS: usize = 16 * 1024 * 1024;
/// Most bytes that may gather between two stages.
pub const LARGEST_BUFFER: u64 = 16 * 1024 * 1024;

/// The largest number of bytes that is believed (an exbibyte).
const LARGEST: u64 = 1 << 60;

/// The first value of a session. Paths are below the data directory, those of `Entry` and `Tree` below the root of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterRequest {
    /// → [`Looked`]
    Info {
        path: WireBytes,
        #[serde(default)]
        level: WireLevel,
    },
    /// → [`super::entry::Entries`], several
    List {
        path: WireBytes,
        #[serde(default)]
        level: WireLevel,
    },
    /// → [`Looked`]
    Entry { path: WireBytes },
    /// → [`super::entry::Entries`], several
    Tree { path: WireBytes },
    /// → [`SpaceFound`]
    Space { path: WireBytes },
    /// → bytes
    ReadSmall { path: WireBytes, limit: u64 },
    /// The pipeline follows as bytes. → bytes and among them [`FileEvent`]; behind the last of these the reports as bytes
    OpenFile(WireRead),
    /// → [`super::session::SessionOpened`], then an answer for each of [`super::session::SessionAsk`]
    Connect {},
}

/// What is wanted of a file, but for the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireRead {
    pub path: WireBytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    pub buffer_size: u64,
    pub may_be_missing: bool,
    pub skip_empty: bool,
    pub reports_only: bool,
}

/// One entry, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Looked {
    pub entry: Option<WireEntry>,
}

/// The space of a file system, if the path is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpaceFound {
    pub space: Option<WireSpace>,
}

/// How far the reading of a file has come, and at the end what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FileEvent {
    /// So many more bytes of the file were read.
    pub read: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<FileOutcome>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOutcome {
    Missing,
    Empty,
    /// The reports follow.
    Read,
}

/// Makes sure that there is a report for each stage, with numbers that can be.
///
/// # Errors
/// [`ErrorCode::Protocol`].
pub fn check_reports(reports: &[Report], stages: usize) -> Result<()> {
    let sane = |report: &Report| match report {
        Report::None | Report::Sha1(_) => true,
        Report::Size(size) => *size <= LARGEST,
        Report::Page(page) => page.errors.iter().all(|(first, last)| first <= last),
        Report::Block(block) => block.repo_size <= LARGEST && block.map_size <= block.repo_size,
    };
    if reports.len() == stages && reports.iter().all(sane) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::Protocol,
        format!(
            "the other host reports of {} stages what cannot be, {stages} were asked for",
            reports.len()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use pgkeep_pipeline::{BlockReport, PageReport};

    use super::*;

    fn written(request: &ClusterRequest) -> String {
        serde_json::to_string(request).unwrap()
    }

    #[test]
    fn requests_have_the_form_of_the_first_release() {
        let path = || WireBytes(b"base/1".to_vec());
        let level = WireLevel::Detail;
        for (request, golden) in [
            (
                ClusterRequest::Info {
                    path: path(),
                    level,
                },
                r#"{"info":{"path":"base/1","level":"detail"}}"#,
            ),
            (
                ClusterRequest::List {
                    path: path(),
                    level,
                },
                r#"{"list":{"path":"base/1","level":"detail"}}"#,
            ),
            (
                ClusterRequest::Entry { path: path() },
                r#"{"entry":{"path":"base/1"}}"#,
            ),
            (
                ClusterRequest::Tree {
                    path: WireBytes(b"\xff".to_vec()),
                },
                r#"{"tree":{"path":{"base64":"/w=="}}}"#,
            ),
            (
                ClusterRequest::Space { path: path() },
                r#"{"space":{"path":"base/1"}}"#,
            ),
            (
                ClusterRequest::ReadSmall {
                    path: path(),
                    limit: 8192,
                },
                r#"{"read_small":{"path":"base/1","limit":8192}}"#,
            ),
            (
                ClusterRequest::OpenFile(WireRead {
                    path: path(),
                    limit: Some(7),
                    buffer_size: 1024,
                    may_be_missing: true,
                    skip_empty: true,
                    reports_only: true,
                }),
                r#"{"open_file":{"path":"base/1","limit":7,"buffer_size":1024,"may_be_missing":true,"skip_empty":true,"reports_only":true}}"#,
            ),
            (ClusterRequest::Connect {}, r#"{"connect":{}}"#),
        ] {
            assert_eq!(written(&request), golden);
            let read: ClusterRequest = serde_json::from_str(golden).unwrap();
            assert_eq!(read, request);
        }
    }

    #[test]
    fn what_is_missing_has_a_default_and_what_is_new_is_ignored() {
        let request: ClusterRequest =
            serde_json::from_str(r#"{"open_file":{"path":"a","colour":"red"}}"#).unwrap();
        let expected = WireRead {
            path: WireBytes(b"a".to_vec()),
            ..WireRead::default()
        };
        assert_eq!(request, ClusterRequest::OpenFile(expected));
        let event: FileEvent = serde_json::from_str(r#"{"speed":3}"#).unwrap();
        assert_eq!(event, FileEvent::default());
        let connect: ClusterRequest = serde_json::from_str(r#"{"connect":{"as":"x"}}"#).unwrap();
        assert_eq!(connect, ClusterRequest::Connect {});
    }

    #[test]
    fn answers_have_the_form_of_the_first_release() {
        let event = FileEvent {
            read: 5,
            outcome: Some(FileOutcome::Read),
        };
        let golden = r#"{"read":5,"outcome":"read"}"#;
        assert_eq!(serde_json::to_string(&event).unwrap(), golden);
        assert_eq!(serde_json::from_str::<FileEvent>(golden).unwrap(), event);
        assert_eq!(
            serde_json::to_string(&Looked::default()).unwrap(),
            r#"{"entry":null}"#
        );
        assert_eq!(
            serde_json::to_string(&SpaceFound::default()).unwrap(),
            r#"{"space":null}"#
        );
    }

    #[test]
    fn reports_that_cannot_be_are_an_error() {
        let good = [
            Report::None,
            Report::Size(7),
            Report::Page(PageReport {
                valid: false,
                misaligned: false,
                errors: vec![(1, 2)],
            }),
        ];
        check_reports(&good, 3).unwrap();
        check_reports(&good, 2).unwrap_err();
        let block = BlockReport {
            repo_size: 1,
            map_size: 2,
            stored_blocks: 0,
        };
        let page = PageReport {
            valid: false,
            misaligned: false,
            errors: vec![(2, 1)],
        };
        for bad in [
            Report::Size(u64::MAX),
            Report::Block(block),
            Report::Page(page),
        ] {
            let error = check_reports(&[bad], 1).unwrap_err();
            assert_eq!(error.code, ErrorCode::Protocol);
        }
    }
}
