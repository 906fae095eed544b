//! Files that the host of a repository is to measure, so that their bytes do not cross, and what it found.
//!
//! Keys do not cross either: the host of the repository has them.

use pgkeep_protocol::Raised;
use pgkeep_storage::Range;
use serde::{Deserialize, Serialize};

use super::path::WireBytes;
use super::range::WireRange;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::measured::file::{KeyOf, Measured, StoredFile, Unpack};

/// Files that one request asks for at most.
pub const MOST_MEASURED: usize = 128;

/// A [`StoredFile`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WireStored {
    pub path: WireBytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice: Option<WireRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpack: Option<WireUnpack>,
}

/// An [`Unpack`], without the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WireUnpack {
    /// Name of the compression.
    pub compress: String,
    /// The set whose key it is encrypted with; without one that of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

impl From<&StoredFile> for WireStored {
    fn from(file: &StoredFile) -> Self {
        Self {
            path: (&file.path).into(),
            slice: file.slice.map(WireRange::from),
            stored: file.stored,
            unpack: file.unpack.as_ref().map(|unpack| WireUnpack {
                compress: unpack.compress.name().to_owned(),
                set: match &unpack.key {
                    KeyOf::Archive => None,
                    KeyOf::Set(label) => Some(label.to_string()),
                },
            }),
        }
    }
}

impl WireStored {
    /// What is to be measured; nothing has its key yet.
    ///
    /// # Errors
    /// It names what there is not.
    pub fn file(&self) -> Result<StoredFile> {
        Ok(StoredFile {
            path: self.path.path()?,
            slice: self.slice.map(Range::from),
            stored: self.stored,
            unpack: self.unpack.as_ref().map(WireUnpack::unpack).transpose()?,
        })
    }
}

impl WireUnpack {
    fn unpack(&self) -> Result<Unpack> {
        let unknown = |what: &str, name: &str| {
            let name = name.escape_debug();
            Error::new(ErrorCode::Protocol, format!("'{name}' is no {what}"))
        };
        let all = pgkeep_pipeline::CompressType::ALL;
        let compress = all.into_iter().find(|kind| kind.name() == self.compress);
        let set = self.set.as_ref().map(|set| {
            let label = set.parse();
            label.map_err(|_| unknown("backup label", set))
        });
        Ok(Unpack {
            key: set.transpose()?.map_or(KeyOf::Archive, KeyOf::Set),
            compress: compress.ok_or_else(|| unknown("compression", &self.compress))?,
            pass: None,
        })
    }
}

/// How far the file in hand has come, or what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeasureEvent {
    /// Stored bytes that were read since the last event.
    #[serde(skip_serializing_if = "is_zero")]
    pub read: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<MeasureOutcome>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The end of one file; the next one follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureOutcome {
    Measured { size: u64, sha1: String },
    Failed(Raised),
}

impl From<Measured> for MeasureOutcome {
    fn from(measured: Measured) -> Self {
        Self::Measured {
            size: measured.size,
            sha1: measured.sha1.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_events_have_the_form_of_the_first_release() {
        for golden in [
            r#"{"path":"archive/demo/17-1/x","stored":7,"unpack":{"compress":"zst"}}"#,
            r#"{"path":"b","slice":{"offset":3,"length":4},"unpack":{"compress":"none","set":"20260101-000000F"}}"#,
        ] {
            let stored: WireStored = serde_json::from_str(golden).unwrap();
            let again = WireStored::from(&stored.file().unwrap());
            assert_eq!(serde_json::to_string(&again).unwrap(), golden);
        }
        for golden in [
            r#"{"read":7}"#,
            r#"{"outcome":{"measured":{"size":3,"sha1":"x"}}}"#,
            r#"{"read":7,"outcome":{"failed":{"code":55,"text":"x","hints":[]}}}"#,
        ] {
            let event: MeasureEvent = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), golden);
        }
    }

    #[test]
    fn what_there_is_not_is_an_error() {
        for bad in [
            r#"{"path":"../a"}"#,
            r#"{"path":"a","unpack":{"compress":"rar"}}"#,
            r#"{"path":"a","unpack":{"compress":"gz","set":"../x"}}"#,
        ] {
            let stored: WireStored = serde_json::from_str(bad).unwrap();
            assert!(stored.file().is_err(), "{bad}");
        }
    }
}
