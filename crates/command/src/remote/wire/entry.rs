//! What is known of files and file systems, as it crosses.
//!
//! Numbers come from the other host: they are brought within bounds here, so that no sum and no date beyond them can do harm.

use pgkeep_storage::{FileInfo, FileType, InfoLevel, Owner, Space, StoragePath};
use serde::{Deserialize, Serialize};

use super::path::WireBytes;
use crate::error::{Error, ErrorCode, Result};

/// Entries of a listing that are sent at once at most.
pub const MOST_ENTRIES: usize = 500;
/// About so many bytes of entries are sent at once; a single entry is well below.
pub const MOST_BYTES: usize = 256 * 1024;

/// The largest file that is believed (an exbibyte).
const LARGEST: u64 = 1 << 60;
/// The latest time that is believed, and as far before 1970: the year 6325.
const LATEST: i64 = 1 << 37;

/// How much is wanted of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireLevel {
    Exists,
    Type,
    #[default]
    Basic,
    Detail,
}

impl From<InfoLevel> for WireLevel {
    fn from(level: InfoLevel) -> Self {
        match level {
            InfoLevel::Exists => Self::Exists,
            InfoLevel::Type => Self::Type,
            InfoLevel::Basic => Self::Basic,
            InfoLevel::Detail => Self::Detail,
        }
    }
}

impl From<WireLevel> for InfoLevel {
    fn from(level: WireLevel) -> Self {
        match level {
            WireLevel::Exists => Self::Exists,
            WireLevel::Type => Self::Type,
            WireLevel::Basic => Self::Basic,
            WireLevel::Detail => Self::Detail,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireType {
    #[default]
    File,
    Path,
    Link,
    /// Also whatever a later release tells apart.
    #[serde(other)]
    Special,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct WireOwner {
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One entry. What is missing is 0 or not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireEntry {
    #[serde(skip_serializing_if = "is_zero")]
    name: WireBytes,
    #[serde(rename = "type", skip_serializing_if = "is_zero")]
    kind: WireType,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    time: i64,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<WireOwner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<WireBytes>,
}

impl From<&FileInfo> for WireEntry {
    fn from(info: &FileInfo) -> Self {
        Self {
            name: (&info.name).into(),
            kind: match info.kind {
                FileType::File => WireType::File,
                FileType::Path => WireType::Path,
                FileType::Link => WireType::Link,
                FileType::Special => WireType::Special,
            },
            size: info.size,
            time: info.modified,
            mode: info.mode,
            owner: info.owner.as_ref().map(|owner| WireOwner {
                uid: owner.uid,
                gid: owner.gid,
                user: owner.user.clone(),
                group: owner.group.clone(),
            }),
            link: info.link_destination.clone().map(WireBytes),
        }
    }
}

impl WireEntry {
    /// Bytes of the written form at most, to keep messages within their limit. A control character takes six.
    #[must_use]
    pub fn weight(&self) -> usize {
        let link = self.link.as_ref().map_or(0, |link| link.0.len());
        let owner = self.owner.as_ref().map_or(0, |owner| {
            let length = |name: &Option<String>| name.as_ref().map_or(0, String::len);
            length(&owner.user) + length(&owner.group)
        });
        6 * (self.name.0.len() + link + owner) + 200
    }

    /// The same for whoever knows the name.
    #[must_use]
    pub fn unnamed(mut self) -> Self {
        self.name = WireBytes::default();
        self
    }

    /// The entry of a listing.
    ///
    /// # Errors
    /// [`ErrorCode::Protocol`] for a name that is none, or a size or time that cannot be.
    pub fn info(self) -> Result<FileInfo> {
        let name = self.name.path()?;
        self.named(name)
    }

    /// The answer about an entry whose name is known.
    ///
    /// # Errors
    /// [`ErrorCode::Protocol`] for a size or time that cannot be.
    pub fn named(self, name: StoragePath) -> Result<FileInfo> {
        if self.size > LARGEST || self.time.unsigned_abs() > LATEST.unsigned_abs() {
            return Err(Error::new(
                ErrorCode::Protocol,
                format!(
                    "the other host says that '{name}' has {} bytes and the time {}",
                    self.size, self.time
                ),
            ));
        }
        Ok(FileInfo {
            name,
            kind: match self.kind {
                WireType::File => FileType::File,
                WireType::Path => FileType::Path,
                WireType::Link => FileType::Link,
                WireType::Special => FileType::Special,
            },
            size: self.size,
            modified: self.time,
            mode: self.mode & 0o7777,
            owner: self.owner.map(|owner| Owner {
                uid: owner.uid,
                gid: owner.gid,
                user: owner.user,
                group: owner.group,
            }),
            link_destination: self.link.map(|link| link.0),
        })
    }
}

/// Some entries of a listing, and at its end whether there was something to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entries {
    pub entries: Vec<WireEntry>,
    /// Only in the last value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<bool>,
}

/// Gathers entries up to what is sent at once.
#[derive(Debug, Default)]
pub struct Gathered {
    entries: Vec<WireEntry>,
    weight: usize,
}

impl Gathered {
    /// Takes one more; hands back what must be sent now.
    pub fn add(&mut self, info: &FileInfo) -> Option<Entries> {
        let entry = WireEntry::from(info);
        self.weight += entry.weight();
        self.entries.push(entry);
        (self.entries.len() >= MOST_ENTRIES || self.weight >= MOST_BYTES).then(|| Entries {
            entries: std::mem::take(self).entries,
            found: None,
        })
    }

    /// The last value of the listing.
    #[must_use]
    pub fn end(self, found: bool) -> Entries {
        Entries {
            entries: self.entries,
            found: Some(found),
        }
    }
}

/// Space of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireSpace {
    total: u64,
    free: u64,
    files: u64,
    files_free: u64,
    read_only: bool,
}

impl From<Space> for WireSpace {
    fn from(space: Space) -> Self {
        Self {
            total: space.total,
            free: space.free,
            files: space.files,
            files_free: space.files_free,
            read_only: space.read_only,
        }
    }
}

impl From<WireSpace> for Space {
    fn from(space: WireSpace) -> Self {
        Self {
            total: space.total.min(LARGEST),
            free: space.free.min(space.total).min(LARGEST),
            files: space.files.min(LARGEST),
            files_free: space.files_free.min(space.files).min(LARGEST),
            read_only: space.read_only,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_field() -> FileInfo {
        FileInfo {
            name: StoragePath::new(b"dir/\xff"),
            kind: FileType::Link,
            size: 7,
            modified: -5,
            mode: 0o640,
            owner: Some(Owner {
                uid: 1,
                gid: 2,
                user: Some("postgres".to_owned()),
                group: None,
            }),
            link_destination: Some(b"../x".to_vec()),
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let plain = FileInfo {
            name: StoragePath::new("file"),
            kind: FileType::File,
            size: 0,
            modified: 0,
            mode: 0,
            owner: None,
            link_destination: None,
        };
        for info in [every_field(), plain] {
            let written = serde_json::to_string(&WireEntry::from(&info)).unwrap();
            assert!(written.len() <= WireEntry::from(&info).weight());
            let entry: WireEntry = serde_json::from_str(&written).unwrap();
            assert_eq!(entry.info().unwrap(), info);
        }
    }

    #[test]
    fn an_entry_of_the_first_release_and_one_of_a_later_release_are_read() {
        let golden = r#"{"name":{"base64":"ZGlyL/8="},"type":"link","size":7,"time":-5,"mode":416,
            "owner":{"uid":1,"gid":2,"user":"postgres","acl":[1]},"link":"../x","inode":12}"#;
        let entry: WireEntry = serde_json::from_str(golden).unwrap();
        assert_eq!(entry.info().unwrap(), every_field());
        let later: WireEntry = serde_json::from_str(r#"{"name":"x","type":"door"}"#).unwrap();
        assert_eq!(later.info().unwrap().kind, FileType::Special);
    }

    #[test]
    fn numbers_that_cannot_be_are_an_error() {
        for bad in [
            r#"{"name":"x","size":18446744073709551615}"#,
            r#"{"name":"x","time":9223372036854775807}"#,
            r#"{"name":"x","time":-9223372036854775808}"#,
            r#"{"name":"../x"}"#,
        ] {
            let entry: WireEntry = serde_json::from_str(bad).unwrap();
            assert_eq!(entry.info().unwrap_err().code, ErrorCode::Protocol, "{bad}");
        }
        let space: WireSpace = serde_json::from_str(r#"{"total":5,"free":99}"#).unwrap();
        assert_eq!(Space::from(space).free, 5);
    }

    #[test]
    fn entries_are_sent_before_they_are_too_many_or_too_long() {
        let mut gathered = Gathered::default();
        let mut sent = Vec::new();
        for number in 0..1200 {
            let mut info = every_field();
            info.name = StoragePath::new(number.to_string());
            sent.extend(gathered.add(&info));
        }
        let last = gathered.end(true);
        let counts: Vec<_> = sent.iter().map(|some| some.entries.len()).collect();
        assert_eq!((counts, last.entries.len()), (vec![500, 500], 200));
        let mut gathered = Gathered::default();
        let mut long = every_field();
        long.name = StoragePath::new("\u{1}".repeat(4000));
        let some = (0..500).find_map(|_| gathered.add(&long)).unwrap();
        assert!(serde_json::to_vec(&some).unwrap().len() < 512 * 1024);
    }
}
