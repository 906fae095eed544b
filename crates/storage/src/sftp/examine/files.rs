//! Single SFTP requests by name, for trying what a server allows. Everything a request can change is named by its caller.
//!
//! Unlike the storage, nothing here is retried and a refusal is an answer, not an error.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::answer::{Answer, Refusal, Seen};
use super::capacity::Limits;
use crate::Space;
use crate::sftp::engine::channel::{Channel, ChannelParts};
use crate::sftp::engine::counters::Counters;
use crate::sftp::engine::pool::READS_PER_CONNECTION;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::extension::STATVFS;
use crate::sftp::protocol::message::{EXTENDED, Request, Response, open};
use crate::sftp::protocol::packet::{PacketReader, PacketWriter};
use crate::sftp::protocol::status::Status;
use crate::sftp::space::decode;

/// Entries of a directory that are read.
const MOST_ENTRIES: usize = 2000;

const SETSTAT: u8 = 9;
const REALPATH: u8 = 16;
const SYMLINK: u8 = 20;

/// How a file is opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// Only if it does not exist.
    Exclusive,
    /// The same, and nobody may write it from then on.
    Closed,
    /// An existing file is emptied.
    Replace,
    /// An existing file is opened and nothing of it is changed.
    Existing,
}

/// One SFTP channel.
pub struct Files {
    channel: Arc<Channel>,
    runtime: Handle,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl Files {
    pub(super) async fn start(
        ssh: russh::Channel<russh::client::Msg>,
        runtime: Handle,
        io_timeout: Duration,
    ) -> Answer<Self> {
        let parts = ChannelParts {
            counters: Arc::new(Counters::default()),
            connection: 0,
            reads: Arc::new(tokio::sync::Semaphore::new(READS_PER_CONNECTION)),
            io_timeout,
            eager: false,
            on_death: Box::new(|_| {}),
        };
        let channel = Channel::start(ssh, parts)
            .await
            .map_err(|lost| Refusal::lost(&lost))?;
        Ok(Self { channel, runtime })
    }

    fn ask(&self, request: &Request<'_>) -> Answer<Response> {
        let reply = self.channel.ask(request);
        match self.runtime.block_on(reply.wait()) {
            Ok(Response::Status(status)) => Err(status.into()),
            Ok(response) => Ok(response),
            Err(lost) => Err(Refusal::lost(&lost)),
        }
    }

    fn done(&self, request: &Request<'_>) -> Answer<()> {
        match self.ask(request)? {
            Response::Ok => Ok(()),
            _ => Err(Refusal::strange()),
        }
    }

    fn handle(&self, request: &Request<'_>) -> Answer<Bytes> {
        match self.ask(request)? {
            Response::Handle(handle) => Ok(handle),
            _ => Err(Refusal::strange()),
        }
    }

    fn names(&self, request: &Request<'_>) -> Answer<Vec<Seen>> {
        match self.ask(request)? {
            Response::Names(names) => Ok(names
                .iter()
                .map(|name| Seen::of(&name.name, &name.attributes))
                .collect()),
            _ => Err(Refusal::strange()),
        }
    }

    fn plain(&self, kind: u8, fields: &[&[u8]]) -> Answer<Response> {
        let body = fields_of(fields);
        self.ask(&Request::Plain { kind, body: &body })
    }

    /// The absolute form of a path, as the server sees it.
    pub fn real_path(&self, path: &str) -> Answer<String> {
        match self.plain(REALPATH, &[path.as_bytes()])? {
            Response::Names(names) if !names.is_empty() => {
                Ok(String::from_utf8_lossy(&names[0].name).into_owned())
            }
            _ => Err(Refusal::strange()),
        }
    }

    /// Asks for a path without following a link.
    pub fn lstat(&self, path: &str) -> Answer<Seen> {
        match self.ask(&Request::Lstat {
            path: path.as_bytes(),
        })? {
            Response::Attributes(attributes) => Ok(Seen::of(b"", &attributes)),
            _ => Err(Refusal::strange()),
        }
    }

    /// The same for many paths in one round trip.
    pub fn lstat_many(&self, paths: &[String]) -> Vec<Answer<Seen>> {
        let mut batch = self.channel.batch();
        let replies: Vec<_> = paths
            .iter()
            .map(|path| {
                batch.ask(&Request::Lstat {
                    path: path.as_bytes(),
                })
            })
            .collect();
        batch.send();
        replies
            .into_iter()
            .map(|reply| match self.runtime.block_on(reply.wait()) {
                Ok(Response::Attributes(attributes)) => Ok(Seen::of(b"", &attributes)),
                Ok(Response::Status(status)) => Err(status.into()),
                Ok(_) => Err(Refusal::strange()),
                Err(lost) => Err(Refusal::lost(&lost)),
            })
            .collect()
    }

    /// Entries of a directory in the server's order, without `.` and `..`; at most some thousand.
    pub fn list(&self, path: &str) -> Answer<Vec<Seen>> {
        let handle = self.handle(&Request::Opendir {
            path: path.as_bytes(),
        })?;
        let mut all = Vec::new();
        let result = loop {
            match self.names(&Request::Readdir { handle: &handle }) {
                Ok(names) => all.extend(names),
                Err(refusal) if refusal.code == Some(Status::EOF) => break Ok(()),
                Err(refusal) => break Err(refusal),
            }
            if all.len() >= MOST_ENTRIES {
                break Ok(());
            }
        };
        let _ = self.done(&Request::Close { handle: &handle });
        result?;
        all.retain(|entry| entry.name != "." && entry.name != "..");
        Ok(all)
    }

    /// The first bytes of a file.
    pub fn read(&self, path: &str, offset: u64, length: u32) -> Answer<Bytes> {
        let handle = self.handle(&Request::Open {
            path: path.as_bytes(),
            flags: open::READ,
            attributes: Attributes::default(),
        })?;
        let data = match self.ask(&Request::Read {
            handle: &handle,
            offset,
            length,
        }) {
            Ok(Response::Data(data)) => Ok(data),
            Ok(_) => Err(Refusal::strange()),
            Err(refusal) if refusal.code == Some(Status::EOF) => Ok(Bytes::new()),
            Err(refusal) => Err(refusal),
        };
        let _ = self.done(&Request::Close { handle: &handle });
        data
    }

    /// Opens a file for writing and writes `data`, which may be nothing, in one request.
    pub fn write(&self, path: &str, how: Creation, data: &[u8]) -> Answer<()> {
        let handle = self.open(path, how)?;
        let written = match data {
            [] => Ok(()),
            data => self.write_at(&handle, data),
        };
        let closed = self.done(&Request::Close { handle: &handle });
        written.and(closed)
    }

    /// Writes, and has the server store it for good (`fsync@openssh.com`) before the file is closed.
    pub fn write_and_sync(&self, path: &str, data: &[u8]) -> Answer<()> {
        let handle = self.open(path, Creation::Replace)?;
        let synced = self
            .write_at(&handle, data)
            .and_then(|()| self.done(&Request::Fsync { handle: &handle }));
        let closed = self.done(&Request::Close { handle: &handle });
        synced.and(closed)
    }

    fn open(&self, path: &str, how: Creation) -> Answer<Bytes> {
        let flags = match how {
            Creation::Exclusive | Creation::Closed => open::WRITE | open::CREATE | open::EXCLUSIVE,
            Creation::Replace => open::WRITE | open::CREATE | open::TRUNCATE,
            Creation::Existing => open::WRITE,
        };
        let attributes = match how {
            Creation::Existing => Attributes::default(),
            Creation::Closed => Attributes::with_mode(0o440),
            _ => Attributes::with_mode(0o600),
        };
        self.handle(&Request::Open {
            path: path.as_bytes(),
            flags,
            attributes,
        })
    }

    fn write_at(&self, handle: &[u8], data: &[u8]) -> Answer<()> {
        let mut body = fields_of(&[handle]);
        body.extend_from_slice(&0u64.to_be_bytes());
        body.extend_from_slice(&fields_of(&[data]));
        self.done(&Request::Plain {
            kind: crate::sftp::protocol::message::WRITE,
            body: &body,
        })
    }

    /// Sets the time of the last change, seconds since 1970.
    pub fn set_modified(&self, path: &str, modified: u32) -> Answer<()> {
        let mut writer = PacketWriter::new(0);
        writer.string(path.as_bytes());
        Attributes {
            times: Some((modified, modified)),
            ..Attributes::default()
        }
        .encode(&mut writer);
        let packet = writer.finish();
        self.done(&Request::Plain {
            kind: SETSTAT,
            body: &packet[5..],
        })
    }

    /// Sets permission bits.
    pub fn set_mode(&self, path: &str, mode: u32) -> Answer<()> {
        let mut writer = PacketWriter::new(0);
        writer.string(path.as_bytes());
        Attributes::with_mode(mode).encode(&mut writer);
        let packet = writer.finish();
        self.done(&Request::Plain {
            kind: SETSTAT,
            body: &packet[5..],
        })
    }

    /// The same by the handle of a file that is open to read.
    pub fn set_mode_of_open(&self, path: &str, mode: u32) -> Answer<()> {
        let handle = self.handle(&Request::Open {
            path: path.as_bytes(),
            flags: open::READ,
            attributes: Attributes::default(),
        })?;
        let set = self.done(&Request::Fsetstat {
            handle: &handle,
            attributes: Attributes::with_mode(mode),
        });
        let _ = self.done(&Request::Close { handle: &handle });
        set
    }

    /// The same without following a link (`lsetstat@openssh.com`).
    pub fn set_mode_of_link(&self, path: &str, mode: u32) -> Answer<()> {
        let mut writer = PacketWriter::new(0);
        writer
            .string(b"lsetstat@openssh.com")
            .string(path.as_bytes());
        Attributes::with_mode(mode).encode(&mut writer);
        let packet = writer.finish();
        self.done(&Request::Plain {
            kind: EXTENDED,
            body: &packet[5..],
        })
    }

    /// Gives a file a further name (`hardlink@openssh.com`).
    pub fn hard_link(&self, from: &str, to: &str) -> Answer<()> {
        self.done(&Request::HardLink {
            from: from.as_bytes(),
            to: to.as_bytes(),
        })
    }

    /// Renames as version 3 does, which should fail where the new name exists.
    pub fn rename(&self, from: &str, to: &str) -> Answer<()> {
        self.done(&Request::Rename {
            from: from.as_bytes(),
            to: to.as_bytes(),
        })
    }

    /// Renames over an existing file (`posix-rename@openssh.com`).
    pub fn rename_over(&self, from: &str, to: &str) -> Answer<()> {
        self.done(&Request::PosixRename {
            from: from.as_bytes(),
            to: to.as_bytes(),
        })
    }

    pub fn remove(&self, path: &str) -> Answer<()> {
        self.done(&Request::Remove {
            path: path.as_bytes(),
        })
    }

    pub fn make_path(&self, path: &str) -> Answer<()> {
        self.done(&Request::Mkdir {
            path: path.as_bytes(),
            mode: 0o700,
        })
    }

    /// Removes an empty directory.
    pub fn remove_path(&self, path: &str) -> Answer<()> {
        self.done(&Request::Rmdir {
            path: path.as_bytes(),
        })
    }

    /// Makes a symbolic link. OpenSSH takes the destination first, against the draft.
    pub fn link(&self, destination: &str, link: &str) -> Answer<()> {
        match self.plain(SYMLINK, &[destination.as_bytes(), link.as_bytes()])? {
            Response::Ok => Ok(()),
            _ => Err(Refusal::strange()),
        }
    }

    /// Largest requests; unsupported where the server lacks the extension.
    pub fn limits(&self) -> Answer<Limits> {
        let numbers = |data: Bytes| {
            let mut reader = PacketReader(data);
            let mut next = || reader.u64().ok();
            Some(Limits {
                packet: next()?,
                read: next()?,
                write: next()?,
                open_files: next()?,
            })
        };
        match self.plain(EXTENDED, &[b"limits@openssh.com"])? {
            Response::Extended(data) => numbers(data).ok_or_else(Refusal::strange),
            _ => Err(Refusal::strange()),
        }
    }

    /// Space of the file system that holds `path`; unsupported where the server lacks the extension.
    pub fn space(&self, path: &str) -> Answer<Space> {
        match self.plain(EXTENDED, &[STATVFS, path.as_bytes()])? {
            Response::Extended(data) => decode(data).ok_or_else(Refusal::strange),
            _ => Err(Refusal::strange()),
        }
    }
}

fn fields_of(fields: &[&[u8]]) -> Vec<u8> {
    let mut writer = PacketWriter::new(0);
    for field in fields {
        writer.string(field);
    }
    writer.finish()[5..].to_vec()
}
