//! File attributes of SFTP version 3: all optional, each behind a flag bit.

use super::packet::{Malformed, PacketReader, PacketWriter};
use crate::{FileInfo, FileType, InfoLevel, Owner, StoragePath};

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// What a server said of a file, or what it shall set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Attributes {
    pub(crate) size: Option<u64>,
    pub(crate) owner: Option<(u32, u32)>,
    /// File type and permission bits as `st_mode`.
    pub(crate) mode: Option<u32>,
    /// Access and modification time, seconds since 1970.
    pub(crate) times: Option<(u32, u32)>,
}

impl Attributes {
    pub(crate) fn with_mode(mode: u32) -> Self {
        Self {
            mode: Some(mode),
            ..Self::default()
        }
    }

    pub(crate) fn encode(&self, to: &mut PacketWriter) {
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        to.u32(
            flag(self.size.is_some(), SIZE)
                | flag(self.owner.is_some(), OWNER)
                | flag(self.mode.is_some(), PERMISSIONS)
                | flag(self.times.is_some(), TIMES),
        );
        if let Some(size) = self.size {
            to.u64(size);
        }
        if let Some((uid, gid)) = self.owner {
            to.u32(uid).u32(gid);
        }
        if let Some(mode) = self.mode {
            to.u32(mode);
        }
        if let Some((accessed, modified)) = self.times {
            to.u32(accessed).u32(modified);
        }
    }

    pub(crate) fn decode(from: &mut PacketReader) -> Result<Self, Malformed> {
        let flags = from.u32()?;
        let mut out = Self::default();
        if flags & SIZE != 0 {
            out.size = Some(from.u64()?);
        }
        if flags & OWNER != 0 {
            out.owner = Some((from.u32()?, from.u32()?));
        }
        if flags & PERMISSIONS != 0 {
            out.mode = Some(from.u32()?);
        }
        if flags & TIMES != 0 {
            out.times = Some((from.u32()?, from.u32()?));
        }
        if flags & EXTENDED != 0 {
            for _ in 0..from.u32()? {
                from.string()?;
                from.string()?;
            }
        }
        Ok(out)
    }

    /// The file type, where the server sent a mode with one.
    pub(crate) fn kind(&self) -> Option<FileType> {
        match self.mode? & 0o170_000 {
            0o100_000 => Some(FileType::File),
            0o040_000 => Some(FileType::Path),
            0o120_000 => Some(FileType::Link),
            0 => None,
            _ => Some(FileType::Special),
        }
    }

    /// Whether all that `level` promises can be told from these.
    pub(crate) fn enough_for(&self, level: InfoLevel) -> bool {
        level == InfoLevel::Exists
            || (self.kind().is_some() && (level == InfoLevel::Type || self.size.is_some()))
    }

    pub(crate) fn into_info(self, name: StoragePath, level: InfoLevel) -> FileInfo {
        let kind = self.kind().unwrap_or(FileType::File);
        let detail = level == InfoLevel::Detail;
        FileInfo {
            name,
            kind,
            size: if kind == FileType::File {
                self.size.unwrap_or(0)
            } else {
                0
            },
            modified: self.times.map_or(0, |(_, modified)| i64::from(modified)),
            mode: if detail {
                self.mode.unwrap_or(0) & 0o7777
            } else {
                0
            },
            owner: self.owner.filter(|_| detail).map(|(uid, gid)| Owner {
                uid,
                gid,
                user: None,
                group: None,
            }),
            link_destination: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;

    #[test]
    fn attributes_survive_the_wire() {
        for bits in 0..16u32 {
            let sent = Attributes {
                size: (bits & 1 != 0).then_some(1 << 40),
                owner: (bits & 2 != 0).then_some((70, 71)),
                mode: (bits & 4 != 0).then_some(0o100_640),
                times: (bits & 8 != 0).then_some((5, 6)),
            };
            let mut writer = PacketWriter::new(0);
            sent.encode(&mut writer);
            let mut packet = writer.finish();
            packet.advance(5);
            let mut reader = PacketReader(packet);
            assert_eq!(Attributes::decode(&mut reader), Ok(sent));
            assert!(reader.is_empty());
        }
    }
}
