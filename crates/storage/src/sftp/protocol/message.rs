//! Requests we send and answers we read.
//!
//! A WRITE is built by `engine::chunk` in the buffer that holds the data, so that the data is never copied for it.

use std::fmt;

use bytes::Bytes;

use super::attributes::Attributes;
use super::extension::{COPY_DATA, FSYNC, HARD_LINK, LIMITS, POSIX_RENAME};
use super::packet::{Malformed, PacketReader, PacketWriter};
use super::status::Status;

pub(crate) const WRITE: u8 = 6;
const INIT: u8 = 1;
pub(crate) const VERSION: u8 = 2;
pub(crate) const EXTENDED: u8 = 200;

/// OPEN flags.
pub(crate) mod open {
    pub(crate) const READ: u32 = 1;
    pub(crate) const WRITE: u32 = 2;
    pub(crate) const CREATE: u32 = 8;
    pub(crate) const TRUNCATE: u32 = 16;
    pub(crate) const EXCLUSIVE: u32 = 32;
}

/// A request, without its number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request<'a> {
    Open {
        path: &'a [u8],
        flags: u32,
        attributes: Attributes,
    },
    Close {
        handle: &'a [u8],
    },
    Read {
        handle: &'a [u8],
        offset: u64,
        length: u32,
    },
    Lstat {
        path: &'a [u8],
    },
    Fstat {
        handle: &'a [u8],
    },
    Fsetstat {
        handle: &'a [u8],
        attributes: Attributes,
    },
    Opendir {
        path: &'a [u8],
    },
    Readdir {
        handle: &'a [u8],
    },
    Remove {
        path: &'a [u8],
    },
    Mkdir {
        path: &'a [u8],
        mode: u32,
    },
    Rmdir {
        path: &'a [u8],
    },
    Stat {
        path: &'a [u8],
    },
    Rename {
        from: &'a [u8],
        to: &'a [u8],
    },
    Readlink {
        path: &'a [u8],
    },
    Fsync {
        handle: &'a [u8],
    },
    PosixRename {
        from: &'a [u8],
        to: &'a [u8],
    },
    /// A further name of a file; an existing name is not replaced.
    HardLink {
        from: &'a [u8],
        to: &'a [u8],
    },
    /// Copies a part of an open file to the same place of another.
    CopyData {
        from: &'a [u8],
        offset: u64,
        length: u64,
        to: &'a [u8],
    },
    Limits,
    /// A request that only `examine` sends, its fields already encoded.
    Plain {
        kind: u8,
        body: &'a [u8],
    },
}

/// What a trace shows: the name and the path, or the part of the file.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, path) = match *self {
            Self::Open { path, .. } => ("open", path),
            Self::Lstat { path } => ("lstat", path),
            Self::Opendir { path } => ("opendir", path),
            Self::Remove { path } => ("remove", path),
            Self::Mkdir { path, .. } => ("mkdir", path),
            Self::Rmdir { path } => ("rmdir", path),
            Self::Stat { path } => ("stat", path),
            Self::Readlink { path } => ("readlink", path),
            Self::Rename { to, .. } | Self::PosixRename { to, .. } => ("rename to", to),
            Self::HardLink { to, .. } => ("link to", to),
            Self::Read { offset, length, .. } => return write!(f, "read {length} at {offset}"),
            Self::CopyData { offset, length, .. } => {
                return write!(f, "copy {length} at {offset}");
            }
            Self::Close { .. } => return f.write_str("close"),
            Self::Fstat { .. } => return f.write_str("fstat"),
            Self::Fsetstat { .. } => return f.write_str("fsetstat"),
            Self::Readdir { .. } => return f.write_str("readdir"),
            Self::Fsync { .. } => return f.write_str("fsync"),
            Self::Limits => return f.write_str("limits"),
            Self::Plain { kind, .. } => return write!(f, "kind {kind}"),
        };
        write!(f, "{name} {}", String::from_utf8_lossy(path))
    }
}

impl Request<'_> {
    pub(crate) fn encode(&self, id: u32) -> Bytes {
        let start = |kind: u8| {
            let mut writer = PacketWriter::new(kind);
            writer.u32(id);
            writer
        };
        let one = |kind: u8, value: &[u8]| {
            let mut writer = start(kind);
            writer.string(value);
            writer
        };
        let writer = match *self {
            Self::Open {
                path,
                flags,
                attributes,
            } => {
                let mut writer = one(3, path);
                writer.u32(flags);
                attributes.encode(&mut writer);
                writer
            }
            Self::Close { handle } => one(4, handle),
            Self::Read {
                handle,
                offset,
                length,
            } => {
                let mut writer = one(5, handle);
                writer.u64(offset).u32(length);
                writer
            }
            Self::Lstat { path } => one(7, path),
            Self::Fstat { handle } => one(8, handle),
            Self::Fsetstat { handle, attributes } => {
                let mut writer = one(10, handle);
                attributes.encode(&mut writer);
                writer
            }
            Self::Opendir { path } => one(11, path),
            Self::Readdir { handle } => one(12, handle),
            Self::Remove { path } => one(13, path),
            Self::Mkdir { path, mode } => {
                let mut writer = one(14, path);
                Attributes::with_mode(mode).encode(&mut writer);
                writer
            }
            Self::Rmdir { path } => one(15, path),
            Self::Stat { path } => one(17, path),
            Self::Rename { from, to } => {
                let mut writer = one(18, from);
                writer.string(to);
                writer
            }
            Self::Readlink { path } => one(19, path),
            Self::Fsync { handle } => {
                let mut writer = one(EXTENDED, FSYNC);
                writer.string(handle);
                writer
            }
            Self::PosixRename { from, to } => {
                let mut writer = one(EXTENDED, POSIX_RENAME);
                writer.string(from).string(to);
                writer
            }
            Self::HardLink { from, to } => {
                let mut writer = one(EXTENDED, HARD_LINK);
                writer.string(from).string(to);
                writer
            }
            Self::CopyData {
                from,
                offset,
                length,
                to,
            } => {
                let mut writer = one(EXTENDED, COPY_DATA);
                writer.string(from).u64(offset).u64(length);
                writer.string(to).u64(offset);
                writer
            }
            Self::Limits => one(EXTENDED, LIMITS),
            Self::Plain { kind, body } => {
                let mut writer = start(kind);
                writer.raw(body);
                writer
            }
        };
        writer.finish()
    }
}

/// The first packet of a session: we speak version 3.
pub(crate) fn init() -> Bytes {
    let mut writer = PacketWriter::new(INIT);
    writer.u32(3);
    writer.finish()
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: Bytes,
    pub(crate) attributes: Attributes,
}

/// An answer, without its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    Ok,
    Status(Status),
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<Name>),
    Attributes(Attributes),
    Extended(Bytes),
}

impl Response {
    /// Reads one packet (type byte first) into its number and content.
    pub(crate) fn decode(packet: Bytes) -> Result<(u32, Self), Malformed> {
        let mut from = PacketReader(packet);
        let kind = from.u8()?;
        let id = from.u32()?;
        let response = match kind {
            101 => {
                let code = from.u32()?;
                // Old servers leave the text out.
                let text = from
                    .string()
                    .map(|text| String::from_utf8_lossy(&text).into_owned())
                    .unwrap_or_default();
                if code == 0 {
                    Self::Ok
                } else {
                    Self::Status(Status { code, text })
                }
            }
            102 => Self::Handle(from.string()?),
            103 => Self::Data(from.string()?),
            104 => {
                let count = from.u32()? as usize;
                let mut names = Vec::with_capacity(count.min(1024));
                for _ in 0..count {
                    let name = from.string()?;
                    from.string()?;
                    let attributes = Attributes::decode(&mut from)?;
                    names.push(Name { name, attributes });
                }
                Self::Names(names)
            }
            105 => Self::Attributes(Attributes::decode(&mut from)?),
            201 => Self::Extended(from.0),
            _ => return Err(Malformed),
        };
        Ok((id, response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_have_the_form_of_the_draft() {
        let open = Request::Open {
            path: b"/a",
            flags: open::READ,
            attributes: Attributes::default(),
        }
        .encode(9);
        assert_eq!(
            open.as_ref(),
            [
                0, 0, 0, 19, 3, 0, 0, 0, 9, 0, 0, 0, 2, b'/', b'a', 0, 0, 0, 1, 0, 0, 0, 0
            ]
        );
        let fsync = Request::Fsync {
            handle: &[0, 0, 0, 0x80],
        }
        .encode(1);
        assert_eq!(
            &fsync[9..],
            [&[0, 0, 0, 17][..], FSYNC, &[0, 0, 0, 4, 0, 0, 0, 0x80]].concat()
        );
        assert_eq!(init().as_ref(), [0, 0, 0, 5, 1, 0, 0, 0, 3]);
    }

    #[test]
    fn a_status_without_text_is_read() {
        let packet = Bytes::from_static(&[101, 0, 0, 0, 5, 0, 0, 0, 4]);
        let (id, response) = Response::decode(packet).unwrap();
        assert_eq!(id, 5);
        assert_eq!(
            response,
            Response::Status(Status {
                code: 4,
                text: String::new()
            })
        );
    }

    proptest! {
        #[test]
        fn no_answer_of_a_server_makes_us_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Response::decode(Bytes::from(bytes));
        }
    }
}
